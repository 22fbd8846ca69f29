import ProcessKit
import Support
import TestSupport

/// What must not be there when no build lives.
enum Orphans {
    static func all(_ farm: Farm) -> [String] {
        farm.hosts.flatMap { processes($0) + files($0) } + parts(farm)
    }

    private static func processes(_ host: FarmHost) -> [String] {
        ProcessTable.carrying("AIBUILD_STATE") { $0 == host.stateFolder }
            .map { "process \($0.pid) on \(host.name)" }
            + groups(host)
    }

    private static func groups(_ host: FarmHost) -> [String] {
        let prefix = "aibuild-\(SHA256.hex(host.stateFolder.utf8).prefix(8))-"
        return ControlGroup.siblings().filter { Files.name(of: $0).hasPrefix(prefix) }
    }

    private static func files(_ host: FarmHost) -> [String] {
        ["attempts", "trash"].flatMap { name in
            let folder = "\(host.stateFolder)/\(name)"
            return ((try? Files.list(folder)) ?? []).map { "\(folder)/\($0)" }
        }
    }

    private static func parts(_ farm: Farm) -> [String] {
        let folder = "\(farm.webRoot)/images/build"
        return ((try? Files.list(folder)) ?? []).filter { $0.hasPrefix(".") }
            .map { "\(folder)/\($0)" }
    }
}
