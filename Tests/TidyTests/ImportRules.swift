/// Which module may import which, from the outside in. `Package.swift` may depend on less, never on
/// more.
struct ModuleRule: Sendable {
    enum Kind: Sendable {
        /// Types and decisions: no clock, randomness, task, file or socket.
        case pure
        /// Independent of image building. The only place for C libraries.
        case kit
        /// Between pure and outer: no C library.
        case inner
        /// Talks to the system or is a program's composition root.
        case outer
        case test
    }

    var name: String
    var folder: String
    var kind: Kind
    var mayImport: Set<String>

    init(_ name: String, _ folder: String, _ kind: Kind, _ mayImport: Set<String> = []) {
        self.name = name
        self.folder = folder
        self.kind = kind
        self.mayImport = mayImport
    }

    /// The modules of the toolchain and the C library that a module of its kind may import.
    var systemModules: Set<String> {
        switch kind {
        case .pure: ["FoundationEssentials"]
        case .inner: ["FoundationEssentials", "Synchronization"]
        case .kit, .outer: ["FoundationEssentials", "Synchronization", "Dispatch", "Glibc"]
        case .test: ["FoundationEssentials", "Synchronization", "Dispatch", "Glibc", "Testing"]
        }
    }
}

enum ImportRules {
    static let modules: [ModuleRule] = [
        // The formatting of values, and the base of errors
        .init("ErrorKit", "Sources/ErrorKit", .pure),
        .init("TextKit", "Sources/TextKit", .pure),

        // Kits
        .init("ArgumentKit", "Sources/ArgumentKit", .pure, ["TextKit"]),
        .init("PasswordKit", "Sources/PasswordKit", .kit, ["CCrypt", "ErrorKit"]),
        .init("JOSEKit", "Sources/JOSEKit", .kit, ["CJOSE", "ErrorKit", "TextKit"]),
        .init("Support", "Sources/Support", .kit, ["CCrypto", "CLinux", "ErrorKit", "TextKit"]),
        .init("MetricsKit", "Sources/MetricsKit", .kit),
        .init("LoopKit", "Sources/LoopKit", .kit, ["CLinux", "Support"]),
        .init("ProcessKit", "Sources/ProcessKit", .kit, ["CLinux", "Support"]),
        .init(
            "SSHKit", "Sources/SSHKit", .kit,
            ["CLinux", "CSSH", "CSSH2", "ErrorKit", "LoopKit", "Support", "TextKit"]),
        .init(
            "SQLKit", "Sources/SQLKit", .kit,
            ["CLinux", "CMariaDB", "CSQLite", "ErrorKit", "Support"]),
        .init("HTTPTypes", "Sources/HTTPTypes", .pure, ["TextKit"]),
        .init(
            "HTTPServerKit", "Sources/HTTPServerKit", .kit,
            ["CGnuTLS", "CMicroHTTPD", "CLinux", "ErrorKit", "HTTPTypes", "Support"]),
        .init(
            "HTTPClientKit", "Sources/HTTPClientKit", .kit,
            ["CCurl", "CLinux", "ErrorKit", "HTTPTypes", "Support"]),
        .init("MailKit", "Sources/MailKit", .kit, ["CCurl", "ErrorKit", "Support", "TextKit"]),
        .init(
            "AMQPKit", "Sources/AMQPKit", .kit, ["CLinux", "CRabbitMQ", "ErrorKit", "Support"]),
        .init("YAMLKit", "Sources/YAMLKit", .kit, ["CYAML", "Support", "TextKit"]),
        .init(
            "SheetKit", "Sources/SheetKit", .kit,
            ["CXML", "CZip", "ErrorKit", "Support", "TextKit"]),
        .init("XMLKit", "Sources/XMLKit", .kit, ["CXML", "ErrorKit"]),
        .init("SystemdKit", "Sources/SystemdKit", .kit, ["CSystemd", "Support"]),
        .init("PackerKit", "Sources/PackerKit", .pure),
        .init(
            "OpenStackKit", "Sources/OpenStackKit", .kit,
            ["ErrorKit", "HTTPClientKit", "HTTPTypes", "ProcessKit", "Support", "TextKit"]),
        .init(
            "DiskImageKit", "Sources/DiskImageKit", .kit,
            ["CLinux", "CNBD", "ErrorKit", "ProcessKit", "Support"]),

        .init(
            "DockerKit", "Sources/DockerKit", .kit,
            ["ErrorKit", "HTTPClientKit", "HTTPTypes", "ProcessKit", "Support", "TextKit"]),

        // Shared by both sides
        .init("BuildProtocol", "Protocol", .pure, ["TextKit"]),

        // What runs on a KVM host
        .init("AgentCore", "Agent/Core", .pure, ["BuildProtocol", "PackerKit", "TextKit"]),
        .init(
            "AgentRuntime", "Agent/Runtime", .outer,
            [
                "AgentCore", "ArgumentKit", "BuildProtocol", "LoopKit", "PackerKit", "ProcessKit",
                "Support", "SystemdKit", "TextKit", "YAMLKit",
            ]),
        .init(
            "aibuild-agent", "Agent/Main", .outer,
            ["AgentCore", "AgentRuntime", "BuildProtocol", "Support"]),
        .init(
            "aibuild-fetch", "Agent/Fetch", .outer,
            [
                "AgentCore", "ArgumentKit", "BuildProtocol", "HTTPClientKit", "HTTPTypes",
                "Support", "TextKit",
            ]),

        // What runs on the farm's head
        .init(
            "CoordinatorCore", "Coordinator/Core", .pure,
            ["BuildProtocol", "ErrorKit", "PackerKit", "TextKit"]),
        .init(
            "CoordinatorService", "Coordinator/Service", .inner,
            [
                "BuildProtocol", "CoordinatorCore", "ErrorKit", "MetricsKit", "Support", "TextKit",
            ]),
        .init(
            "CoordinatorAPI", "Coordinator/API", .inner,
            [
                "BuildProtocol", "CoordinatorCore", "CoordinatorService", "HTTPTypes",
                "MetricsKit", "Support", "TextKit",
            ]),
        .init(
            "Templates", "Coordinator/Templates", .outer,
            [
                "BuildProtocol", "CoordinatorCore", "PackerKit", "ProcessKit", "Support",
                "TextKit", "YAMLKit",
            ]),
        .init(
            "CoordinatorAdapters", "Coordinator/Adapters", .outer,
            [
                "AMQPKit", "BuildProtocol", "CoordinatorCore", "DiskImageKit", "DockerKit",
                "HTTPClientKit", "HTTPTypes", "JOSEKit", "LoopKit", "MailKit", "OpenStackKit",
                "PackerKit",
                "PasswordKit", "ProcessKit",
                "SQLKit", "SSHKit", "SheetKit", "Support", "Templates", "TextKit", "XMLKit",
                "YAMLKit",
            ]),
        .init(
            "aibuild-coordinator", "Coordinator/Daemon", .outer,
            [
                "AMQPKit", "ArgumentKit", "BuildProtocol", "CoordinatorAPI", "CoordinatorAdapters",
                "CoordinatorCore", "CoordinatorService", "HTTPClientKit", "HTTPServerKit",
                "HTTPTypes", "LoopKit", "MailKit", "MetricsKit", "ProcessKit", "SQLKit", "SSHKit",
                "Support", "SystemdKit",
                "Templates", "TextKit", "YAMLKit",
            ]),
        .init(
            "aibuild", "Sources/aibuild", .outer,
            [
                "AgentCore", "ArgumentKit", "BuildProtocol", "CoordinatorCore", "HTTPClientKit",
                "HTTPServerKit", "HTTPTypes", "PackerKit", "ProcessKit", "Support", "Templates",
                "TextKit",
                "YAMLKit",
            ]),

        // For tests only, so they may use C like a kit
        .init(
            "aibuild-demo-farm", "Tests/DemoFarm", .test,
            [
                "BuildProtocol", "CoordinatorAPI", "CoordinatorAdapters", "CoordinatorCore",
                "CoordinatorService", "HTTPServerKit", "HTTPTypes", "SQLKit", "Support",
            ]),
        .init(
            "aibuild-simulate", "Tests/Simulation", .test,
            ["BuildProtocol", "CJobHooks", "CoordinatorCore", "CoordinatorService", "Support"]),
        .init(
            "TestSupport", "Tests/TestSupport", .test,
            [
                "CLinux", "CoordinatorCore", "HTTPClientKit", "HTTPServerKit", "HTTPTypes",
                "LoopKit", "ProcessKit", "SQLKit", "SSHKit", "Support", "YAMLKit",
            ]),
    ]

    /// The rule for a file; `nil` for tests, which import what they test, and for the manifest.
    static func rule(for path: String) -> ModuleRule? {
        modules.first { path.hasPrefix($0.folder + "/") }
    }

    /// `import` lines that the rules do not allow, and files that no rule covers.
    static func findings(in file: SourceFile) -> [Finding] {
        if file.path == "Package.swift" { return [] }
        guard let rule = rule(for: file.path) else {
            if file.isTest { return cImports(in: file) }
            let message = "no module of ImportRules has this folder: add one to its table"
            return [Finding(path: file.path, line: 1, message: message)]
        }
        let allowed = rule.mayImport.union(rule.systemModules)
        return imports(of: file).filter { !allowed.contains($0.module) }.map {
            Finding(
                path: file.path, line: $0.line,
                message: "\(rule.name) may not import \($0.module), only "
                    + allowed.sorted().joined(separator: ", "))
        }
    }

    /// Tests use the kits: one that calls C directly tests the library, not the product.
    private static func cImports(in file: SourceFile) -> [Finding] {
        imports(of: file).filter { $0.module.contains(#/^C[A-Z][A-Za-z]*[A-Z0-9]/#) }
            .filter { !$0.module.hasPrefix("Coordinator") }
            .map {
                Finding(
                    path: file.path, line: $0.line,
                    message: "a test may not import \($0.module): only kits and TestSupport do")
            }
    }

    static func imports(of file: SourceFile) -> [(module: String, line: Int)] {
        let pattern =
            #/
            ^\s*
            (?: @\w+ (?: \( [^)]* \) )? \s+ )*
            (?: (?: public | package | internal | private | fileprivate ) \s+ )?
            import \s+
            (?: (?: struct | class | enum | protocol | func | var | let | typealias ) \s+ )?
            (\w+)
            /#
        return file.codeLines.enumerated().compactMap { index, line in
            guard let match = line.firstMatch(of: pattern) else { return nil }
            return (String(match.1), index + 1)
        }
    }
}
