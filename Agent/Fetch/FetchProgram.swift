//! aibuild-fetch: downloads one base image for a supervisor and reports its progress. A program of
//! its own, so that the thirty libraries behind libcurl are loaded only for a download, and a
//! hostile server talks to a process that holds nothing.

import AgentCore
import BuildProtocol
import FoundationEssentials
import Glibc
import HTTPClientKit
import HTTPTypes
import Support
import TextKit
import ArgumentKit

enum FetchProgram {
    private static let program = CommandProgram(
        "aibuild-fetch", "downloads one base image for aibuild-agent, which starts it",
        commands: [PlainCommand("", "download", operands: ["REQUEST-FILE"])],
        version: ProgramVersion.current, section: 8, related: ["aibuild-agent(8)"])

    /// - Returns: the exit status: 0 when the last word says how it went.
    static func run(_ line: [String]) async -> Int32 {
        do {
            switch try program.parse(line) {
            case .help(let text): print(text, terminator: "")
            case .run(_, let arguments):
                let bytes = try Files.read(
                    arguments.operands[0], limitBytes: AgentLimits.packerTemplateBytes)
                let request = try JSONDecoder().decode(FetchRequest.self, from: Data(bytes))
                emit(await fetch(request))
            }
            return 0
        } catch let error as UsageError {
            let text = Array("\(program.complaint(error))\n".utf8)
            _ = text.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            return UsageError.exitCode
        } catch {
            Logger("fetch").error("\(error)")
            return 70
        }
    }

    private static func fetch(_ request: FetchRequest) async -> FetchEvent {
        var download = DownloadRequest(
            url: request.url, offset: request.offsetBytes, limitBytes: request.limitBytes,
            timeouts: HTTPTimeouts(
                connectSeconds: Double(request.connectSeconds),
                stallSeconds: Double(request.stallSeconds)))
        let proxies = (request.proxies ?? []).map {
            (addresses: IPv4Addresses.of($0.host), port: $0.port)
        }
        download.addressFilter = request.networks.map { networks in
            AddressFilter(allowsPort: { address, port in
                networks.contains(address)
                    || proxies.contains { $0.port == port && $0.addresses.contains(address) }
            })
        }
        let client = HTTPClient(tls: TLSFiles(authorities: request.caFile))
        if let tag = request.knownTag { download.headers = ["If-None-Match": tag] }
        do throws(HTTPClientError) {
            let result = try await client.download(download, to: PartFile(request.part))
            return .done(
                offsetBytes: result.offset, totalBytes: result.totalBytes,
                entityTag: result.entityTag)
        } catch {
            if error.code == .status(304), request.knownTag != nil { return .unchanged }
            let advice = error.code == .addressForbidden ? FetchNetworks.advice : ""
            return .failed(FetchFailure(await kind(error, request), "\(error)" + advice))
        }
    }

    private static func kind(
        _ error: HTTPClientError, _ request: FetchRequest
    ) async -> FetchFailure.Kind {
        switch error.code {
        case .couldNotResolve where request.proxies?.isEmpty ?? true:
            await isUnknown(request.url) ? .missing : .transient
        case .receiver:
            (error.cause as? SystemError)?.isDiskFull == true ? .diskFull : .host
        case .rangeRefused: .notResumable
        case .tls: .host
        default: error.isPermanent ? .missing : .transient
        }
    }

    /// The library does not tell a name that does not exist from a DNS server that does not answer,
    /// which is worth a retry.
    private static func isUnknown(_ url: String) async -> Bool {
        guard let host = URL(string: url)?.host() else { return true }
        return (try? await OwnThread.run { IPv4Addresses.isUnknown(host) }) ?? false
    }

    static func emit(_ event: FetchEvent) {
        guard let line = try? CanonicalJSON.encode(event) else { return }
        _ = (line + [0x0A]).withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }
}
