/// The writes that only the leader may make.
///
/// Each method changes nothing and throws `StoreError.deposed` once another epoch leads, even if
/// this coordinator has not noticed yet.
public protocol LeaderStore:
    BuildWriter, HostWriter, CatalogWriter, ReleaseWriter, HistoricWriter
{}
