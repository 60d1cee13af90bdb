"""Real MQTT brokers on free ports, in temporary folders."""
