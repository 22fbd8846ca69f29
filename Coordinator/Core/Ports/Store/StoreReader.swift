/// The reads that need no leadership.
public protocol StoreReader:
    BuildReader, HostReader, CatalogReader, ReleaseReader, HistoricReader
{}
