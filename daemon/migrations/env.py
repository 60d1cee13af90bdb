"""What Alembic runs for each command: on the connection that ``daemon.schema`` hands over."""

from alembic import context

from daemon.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=True,  # on SQLite too: our writer begins its transactions itself
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
