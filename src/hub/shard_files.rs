//! What the hub knows of many files of data sets: asked one by one where they are few, by their folder's listing elsewhere.

use super::address::HubAddress;
use super::client::Hub;
use super::error::HubError;
use super::ranges::refuse_offline;
use super::{file, tree};
use crate::objects::RemoteError;
use futures::StreamExt;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;

/// So many files of a folder are asked about one by one.
const FEW: usize = 4;
const AT_ONCE: usize = 4;

/// A file as the hub has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownFile {
    pub(crate) bytes: u64,
    /// The tag of its content, which is the same wherever the content lies.
    pub(crate) etag: String,
}

type Answer = Result<KnownFile, RemoteError>;

/// What the hub knows of the files behind `urls`, in their order.
pub(crate) fn known_files(urls: &[String]) -> Vec<Answer> {
    let all = |error: RemoteError| urls.iter().map(|_| Err(error.clone())).collect();
    let hub = match ready() {
        Ok(hub) => hub,
        Err(error) => return all(error),
    };
    let addresses: Vec<Result<HubAddress, HubError>> =
        urls.iter().map(|url| HubAddress::parse(url)).collect();
    let network = hub.network.clone();
    let answers = network.wait(async move { about(&hub, addresses).await });
    answers.unwrap_or_else(all)
}

/// The paths of the files in the folder of the address, and below it if `deep`.
///
/// # Errors
/// If the hub can't be asked, or has no such folder.
pub(crate) fn list_files(folder: &HubAddress, deep: bool) -> Result<Vec<String>, RemoteError> {
    let (hub, folder) = (ready()?, folder.clone());
    let network = hub.network.clone();
    let files = network.wait(async move {
        let commit = tree::commit(&hub, &folder).await?;
        tree::files(&hub, &folder, &commit, &folder.path, deep).await
    })??;
    Ok(files.into_iter().map(|file| file.path).collect())
}

fn ready() -> Result<Arc<Hub>, RemoteError> {
    let hub = Hub::get().map_err(|error| RemoteError::permanent(error.kind, error.message))?;
    refuse_offline(&hub)?;
    Ok(hub)
}

async fn about(hub: &Hub, addresses: Vec<Result<HubAddress, HubError>>) -> Vec<Answer> {
    let mut folders: HashMap<HubAddress, usize> = HashMap::new();
    for address in addresses.iter().flatten() {
        *folders.entry(folder_of(address)).or_default() += 1;
    }
    let many = folders.into_iter().filter(|(_, files)| *files > FEW).map(|(folder, _)| folder);
    let list = |folder: HubAddress| async move { (folder.clone(), listing(hub, &folder).await) };
    let lists: HashMap<HubAddress, Listing> =
        futures::stream::iter(many).map(list).buffer_unordered(AT_ONCE).collect().await;
    let lists = &lists;
    let ask = |address: Result<HubAddress, HubError>| async move {
        let address = address.map_err(|error| RemoteError::permanent(error.kind, error.message))?;
        match lists.get(&folder_of(&address)) {
            Some(Ok(files)) => files.get(&address.path).cloned().ok_or_else(no_file),
            Some(Err(error)) => Err(error.clone()),
            None => one(hub, &address).await,
        }
    };
    futures::stream::iter(addresses).map(ask).buffered(AT_ONCE).collect().await
}

type Listing = Result<HashMap<String, KnownFile>, RemoteError>;

async fn listing(hub: &Hub, folder: &HubAddress) -> Listing {
    let commit = tree::commit(hub, folder).await?;
    let files = tree::files(hub, folder, &commit, &folder.path, false).await?;
    let known = |file: super::RepoFile| {
        let super::RepoFile { path, bytes, etag } = file;
        (path, KnownFile { bytes, etag })
    };
    Ok(files.into_iter().map(known).collect())
}

async fn one(hub: &Hub, address: &HubAddress) -> Answer {
    let commit = tree::commit(hub, address).await?;
    let file = file::about(hub, address, &commit).await?;
    Ok(KnownFile { bytes: file.bytes, etag: file.etag })
}

fn folder_of(address: &HubAddress) -> HubAddress {
    address.at(address.path.rsplit_once('/').map_or("", |(folder, _)| folder))
}

fn no_file() -> RemoteError {
    RemoteError::permanent(ErrorKind::NotFound, "the repository has no such file at this revision")
}
