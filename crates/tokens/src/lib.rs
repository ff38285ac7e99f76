//! Tokenizers, chat templates and stop rules of language models, from the metadata of their files.
