"""The only queries beside the recorder's: functions that take a connection and give entities.

Reads run on connections of their own (:class:`daemon.repository.reads.Reads`); functions that write run inside
``Recorder.change``. Lists are newest first and page by key, so that a far page costs what the first one does.
"""
