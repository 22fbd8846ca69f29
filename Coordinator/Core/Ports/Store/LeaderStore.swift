/// Everything that only the leader may write.
///
/// Each method changes nothing and throws `StoreError.deposed` once another epoch leads, also when
/// this coordinator has not noticed yet.
public protocol LeaderStore:
    BuildWriter, HostWriter, CatalogWriter, ReleaseWriter, HistoricWriter
{}
