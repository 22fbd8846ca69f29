import CoordinatorAPI
import HTTPServerKit
import HTTPTypes
import Support

/// The servers of the API: the one of everything, and those of what has an address of its own.
struct APIServers {
    let main: HTTPServer
    private let others: [(name: String, server: HTTPServer)]
    /// Those that have the certificate.
    let encrypted: [HTTPServer]

    init(
        _ settings: APISettings, _ certificate: CertificateKeeper?, _ gate: RequestGate, _ api: API
    ) {
        func server(_ address: APISettings.Address, _ key: String, _ api: API) -> HTTPServer {
            HTTPServer(
                host: address.listen, port: UInt16(address.port),
                tls: address.isPlain ? nil : certificate?.identity, proxies: settings.proxies,
                portSetting: key, oversized: { api.response(toOversized: $0) },
                admit: { gate.admission(of: $0, to: api) })
        }
        main = server(
            APISettings.Address(listen: settings.listen, port: settings.port),
            "--port or api.port", api)
        var encrypted = certificate == nil ? [] : [main]
        others = settings.entrances.map { entrance, address in
            let name = APISettings.words(entrance)
            let server = server(address, "api.\(name).port", api.serving(entrance))
            if certificate != nil, !address.isPlain { encrypted.append(server) }
            return (name, server)
        }
        self.encrypted = encrypted
    }

    func start() throws(HTTPServerError) {
        try main.start()
        for (name, server) in others {
            try server.start()
            Logger("coordinator").info("serves \(name) at port \(server.boundPort) as well")
        }
    }

    func stop() async {
        for (_, server) in others { await server.stop() }
        await main.stop()
    }
}
