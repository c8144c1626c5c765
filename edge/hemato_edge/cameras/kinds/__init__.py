"""One module a kind of camera: its `KIND` says how it is named, made and treated; nothing heavy is loaded for that."""
