//! Git and byte-exact edits of values files.
