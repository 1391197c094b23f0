//! What tests share: the bench, finished runs, skips, servers.

pub mod documents;
pub mod finished;
pub mod harness;
pub mod hub_server;
pub mod model_folder;
pub mod moto;
pub mod object_server;
pub mod skip;
