import CLinux
import Glibc
public import Support

/// A network namespace, and the user namespace that owns it.
public struct NetworkNamespace: ~Copyable, Sendable {
    public let network: Descriptor
    public let user: Descriptor
}

/// The namespaces of other processes.
public enum Namespaces {
    /// The network namespace of a process, and the user namespace that owns it: whoever made that
    /// may configure the network.
    public static func network(of pid: Int32) throws(SystemError) -> NetworkNamespace {
        let network = try Descriptor("/proc/\(pid)/ns/net", O_RDONLY)
        let user = try checked(
            aib_owning_user_namespace(network.raw),
            "cannot open the user namespace of process \(pid)")
        return NetworkNamespace(network: network, user: Descriptor(owning: user))
    }

    /// Whether the user namespace of a process says who is who in it.
    public static func hasUserMap(_ pid: Int32) -> Bool {
        let map = try? Files.read("/proc/\(pid)/uid_map", limitBytes: Limits.procFileBytes)
        return map?.isEmpty == false
    }

    /// The id by which this process knows the process that is `inner` to the process `member` of
    /// its namespace; `nil` if there is none.
    public static func outerPID(of inner: Int32, inNamespaceOf member: Int32) -> Int32? {
        let namespace = Links.target("/proc/\(member)/ns/pid")
        guard !namespace.isEmpty else { return nil }
        return ProcessTable.all().map(\.pid).first { pid in
            innerPID(of: pid) == inner && Links.target("/proc/\(pid)/ns/pid") == namespace
        }
    }

    /// The id of a process in its innermost namespace.
    public static func innerPID(of pid: Int32) -> Int32? {
        guard let bytes = try? Files.read("/proc/\(pid)/status", limitBytes: Limits.procFileBytes)
        else { return nil }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("NSpid:") }
        return line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).last.flatMap { Int32($0) }
    }

    /// The IPv4 addresses of this machine's interfaces.
    public static func ownAddresses() -> [String] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [String] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, address.pointee.sa_family == AF_INET else {
                continue
            }
            var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
            address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                var bytes = $0.pointee.sin_addr
                _ = inet_ntop(AF_INET, &bytes, &text, socklen_t(text.count))
            }
            found.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8($0) }, as: UTF8.self))
        }
        return found
    }
}
