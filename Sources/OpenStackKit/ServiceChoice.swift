/// Chooses a service's endpoint in a catalog.
struct ServiceChoice {
    private struct Candidate {
        var service: String
        var url: String
    }

    private let login: CloudLogin
    private let service: String
    private let endpoints: [(name: String, endpoint: CloudToken.Service.Endpoint)]

    init(_ login: CloudLogin, _ catalog: [CloudToken.Service], _ service: String) {
        self.login = login
        self.service = service
        endpoints = catalog.filter { $0.type == service }.flatMap { entry in
            (entry.endpoints ?? []).map { (entry.name ?? entry.type, $0) }
        }
    }

    /// Without a trailing slash.
    func url() throws(CloudError) -> String {
        if endpoints.isEmpty {
            throw fault("has no service '\(service)': is it the right cloud?")
        }
        let interface = endpoints.filter { $0.endpoint.interface == login.interface.rawValue }
        if interface.isEmpty {
            let known = list(endpoints.map(\.endpoint.interface))
            throw fault(
                "has no interface '\(login.interface.rawValue)' of '\(service)', but \(known)")
        }
        let regions = interface.compactMap(\.endpoint.regionName)
        let matching = interface.filter {
            login.region == nil || $0.endpoint.regionName == login.region
        }
        if matching.isEmpty {
            throw fault(
                "has no region '\(login.region ?? "")' for '\(service)', but \(list(regions))")
        }
        let candidates = matching.compactMap { item in
            item.endpoint.url.map { Candidate(service: item.name, url: $0.withoutLastSlashes) }
        }
        guard let first = candidates.first else {
            throw fault("has no URL for '\(service)'")
        }
        // One that is listed with several versions is one.
        guard Set(candidates.map(\.url.withoutVersion)).count > 1 else { return first.url }
        guard login.region != nil || Set(regions).count < 2 else {
            throw fault("has several regions, so one must be named: \(list(regions))")
        }
        let places = list(candidates.map { "\($0.service) at \($0.url)" })
        throw fault(
            "has several services '\(service)' in one region: \(places); set the URL of the right "
                + "one (--image-url)")
    }

    private func list(_ words: [String]) -> String {
        ErrorWords.plain(Set(words).sorted().joined(separator: ", "), limit: 500)
    }

    private func fault(_ what: String) -> CloudError {
        CloudError(.catalog, "the catalog of \(login) \(what)")
    }
}
