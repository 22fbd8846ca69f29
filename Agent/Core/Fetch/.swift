/// What `aibuild-fetch` says, one JSON object a line: how far it is, and in the end one of the
