/// Everything that can be read without leading.
public protocol StoreReader:
    BuildReader, HostReader, CatalogReader, ReleaseReader, HistoricReader
{}
