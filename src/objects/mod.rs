//! Servers that keep objects: S3, Google Cloud Storage, Azure, the web. One connection each for a process, requests on a
//! thread of their own, so that callers may block.

#[cfg(feature = "remote")]
mod answers;
#[cfg(feature = "remote")]
mod backoff;
#[cfg(feature = "remote")]
mod bucket;
#[cfg(not(feature = "remote"))]
#[path = "bucket_off.rs"]
mod bucket;
#[cfg(feature = "remote")]
mod client;
#[cfg(feature = "remote")]
mod error;
#[cfg(all(test, feature = "remote"))]
pub(crate) mod loopback;
#[cfg(feature = "remote")]
mod object;
#[cfg(feature = "remote")]
mod retrying_client;
#[cfg(feature = "remote")]
mod store_error;
#[cfg(feature = "remote")]
mod stores;
#[cfg(feature = "remote")]
mod transfer;
mod transfer_error;
mod urls;

#[cfg(feature = "remote")]
pub(crate) use answers::{known_answer, whole_answer};
#[cfg(feature = "remote")]
pub(crate) use backoff::{Failures, Health};
pub(crate) use bucket::Bucket;
#[cfg(feature = "remote")]
pub(crate) use client::{Network, beside, web_object};
#[cfg(feature = "remote")]
pub(crate) use error::{RemoteError, changed};
#[cfg(feature = "remote")]
pub(crate) use object::Object;
pub(crate) use transfer_error::TransferError;
#[cfg(feature = "remote")]
pub(crate) use urls::split;
pub(crate) use urls::{asked, is_store, is_url};
pub use urls::{without_logins_in, without_secrets, without_secrets_in};
