// swift-tools-version: 6.3
import PackageDescription

// One table of targets. Who may import whom is design; Tests/TidyTests holds the same table and
// checks every `import` line against it, because SwiftPM lets transitive imports through.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .treatAllWarnings(as: .error),
]

func module(
    _ name: String, _ path: String, _ dependencies: [Target.Dependency] = [],
    exclude: [String] = [], embedding: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: path, exclude: exclude,
        resources: embedding.map { .embedInCode($0) }, swiftSettings: strict)
}

func program(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency],
    exclude: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)",
        exclude: exclude, swiftSettings: strict)
}

func library(_ name: String, _ pkgConfig: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig)
}

let package = Package(
    name: "aibuild",
    products: [
        .executable(name: "aibuild", targets: ["aibuild"]),
        .executable(name: "aibuild-agent", targets: ["aibuild-agent"]),
        .executable(name: "aibuild-fetch", targets: ["aibuild-fetch"]),
        .executable(name: "aibuild-coordinator", targets: ["aibuild-coordinator"]),
    ],
    targets: [
        // C libraries and shims
        .target(name: "CLinux", path: "Sources/CLinux"),
        library("CSSH", "libssh"),
        library("CSSH2", "libssh2"),
        library("CCurl", "libcurl"),
        library("CMariaDB", "libmariadb"),
        library("CSQLite", "sqlite3"),
        library("CGnuTLS", "gnutls"),
        library("CMicroHTTPD", "libmicrohttpd"),
        library("CYAML", "yaml-0.1"),
        library("CCrypto", "libcrypto"),
        library("CSystemd", "libsystemd"),
        library("CXML", "libxml-2.0"),
        library("CZip", "libzip"),
        library("CNBD", "libnbd"),
        library("CCrypt", "libxcrypt"),
        library("CJOSE", "cjose"),
        library("CRabbitMQ", "librabbitmq"),

        // How values are written as text, and what an error is, for all modules
        module("ErrorKit", "Sources/ErrorKit"),
        module("TextKit", "Sources/TextKit"),

        // Kits: know nothing of image building
        module("ArgumentKit", "Sources/ArgumentKit", ["TextKit"]),
        module("PasswordKit", "Sources/PasswordKit", ["CCrypt", "ErrorKit"]),
        module("JOSEKit", "Sources/JOSEKit", ["CJOSE", "ErrorKit", "TextKit"]),
        module("Support", "Sources/Support", ["CCrypto", "CLinux", "ErrorKit", "TextKit"]),
        module("MetricsKit", "Sources/MetricsKit"),
        module("LoopKit", "Sources/LoopKit", ["CLinux", "Support"]),
        module("ProcessKit", "Sources/ProcessKit", ["CLinux", "Support"]),
        module(
            "SSHKit", "Sources/SSHKit",
            ["CLinux", "CSSH", "CSSH2", "ErrorKit", "LoopKit", "Support", "TextKit"]),
        module(
            "SQLKit", "Sources/SQLKit", ["CLinux", "CMariaDB", "CSQLite", "ErrorKit", "Support"]),
        module("HTTPTypes", "Sources/HTTPTypes", ["TextKit"]),
        module(
            "HTTPServerKit", "Sources/HTTPServerKit",
            ["CGnuTLS", "CMicroHTTPD", "ErrorKit", "HTTPTypes", "Support"]),
        module(
            "HTTPClientKit", "Sources/HTTPClientKit",
            ["CCurl", "ErrorKit", "HTTPTypes", "Support"]),
        module("MailKit", "Sources/MailKit", ["CCurl", "ErrorKit", "Support", "TextKit"]),
        module("AMQPKit", "Sources/AMQPKit", ["CLinux", "CRabbitMQ", "ErrorKit", "Support"]),
        module("YAMLKit", "Sources/YAMLKit", ["CYAML", "Support", "TextKit"]),
        module("SheetKit", "Sources/SheetKit", ["CXML", "CZip", "ErrorKit", "Support", "TextKit"]),
        module("XMLKit", "Sources/XMLKit", ["CXML", "ErrorKit"]),
        module("SystemdKit", "Sources/SystemdKit", ["CSystemd", "Support"]),
        module("PackerKit", "Sources/PackerKit"),
        module(
            "OpenStackKit", "Sources/OpenStackKit",
            ["ErrorKit", "HTTPClientKit", "HTTPTypes", "ProcessKit", "Support", "TextKit"]),
        module(
            "DiskImageKit", "Sources/DiskImageKit",
            ["CLinux", "CNBD", "ErrorKit", "ProcessKit", "Support"]),
        module(
            "DockerKit", "Sources/DockerKit",
            ["ErrorKit", "HTTPClientKit", "HTTPTypes", "ProcessKit", "Support", "TextKit"]),

        // The words both sides share
        module("BuildProtocol", "Protocol", ["TextKit"], exclude: ["PROTOCOL.md"]),

        // What runs on a KVM host
        module("AgentCore", "Agent/Core", ["BuildProtocol", "PackerKit", "TextKit"]),
        module(
            "AgentRuntime", "Agent/Runtime",
            [
                "AgentCore", "ArgumentKit", "BuildProtocol", "LoopKit", "PackerKit", "ProcessKit",
                "Support", "SystemdKit", "TextKit", "YAMLKit",
            ]),
        program("aibuild-agent", "Agent/Main", ["AgentRuntime", "Support"]),
        program(
            "aibuild-fetch", "Agent/Fetch",
            [
                "AgentCore", "ArgumentKit", "BuildProtocol", "HTTPClientKit", "HTTPTypes",
                "Support", "TextKit",
            ]),

        // What runs on the farm's head
        module(
            "CoordinatorCore", "Coordinator/Core",
            ["BuildProtocol", "ErrorKit", "PackerKit", "TextKit"]),
        module(
            "CoordinatorService", "Coordinator/Service",
            ["BuildProtocol", "CoordinatorCore", "ErrorKit", "MetricsKit", "Support", "TextKit"]),
        module(
            "CoordinatorAPI", "Coordinator/API",
            [
                "BuildProtocol", "CoordinatorCore", "CoordinatorService", "HTTPTypes", "MetricsKit",
                "Support", "TextKit",
            ],
            embedding: [
                "build.js", "log-row.js", "log-window.js", "log.css", "log.js", "page.js",
                "style.css",
            ].map { "Pages/Assets/\($0)" }),
        module(
            "Templates", "Coordinator/Templates",
            [
                "BuildProtocol", "CoordinatorCore", "PackerKit", "ProcessKit", "Support", "TextKit",
                "YAMLKit",
            ]),
        module(
            "CoordinatorAdapters", "Coordinator/Adapters",
            [
                "AMQPKit", "BuildProtocol", "CoordinatorCore", "DiskImageKit", "DockerKit",
                "HTTPClientKit", "HTTPTypes", "JOSEKit", "LoopKit", "MailKit", "OpenStackKit",
                "PackerKit", "PasswordKit", "ProcessKit", "SQLKit", "SSHKit", "SheetKit", "Support",
                "Templates", "TextKit", "XMLKit", "YAMLKit",
            ]),
        program(
            "aibuild-coordinator", "Coordinator/Daemon",
            [
                "AMQPKit", "ArgumentKit", "BuildProtocol", "CoordinatorAPI", "CoordinatorAdapters",
                "CoordinatorCore", "CoordinatorService", "HTTPClientKit", "HTTPServerKit",
                "HTTPTypes", "MailKit", "MetricsKit", "ProcessKit", "SQLKit", "SSHKit", "Support",
                "SystemdKit", "Templates", "TextKit", "YAMLKit",
            ]),
        program(
            "aibuild", "Sources/aibuild",
            [
                "AgentCore", "ArgumentKit", "BuildProtocol", "CoordinatorCore", "HTTPClientKit",
                "HTTPServerKit", "HTTPTypes", "PackerKit", "ProcessKit", "Support", "Templates",
                "TextKit", "YAMLKit",
            ]),

        // Tests
        tests("ArgumentKitTests", ["ArgumentKit"]),
        .target(name: "CJobHooks", path: "Tests/CJobHooks"),
        program(
            "aibuild-simulate", "Tests/Simulation",
            ["BuildProtocol", "CJobHooks", "CoordinatorCore", "CoordinatorService", "Support"]),
        program(
            "aibuild-demo-farm", "Tests/DemoFarm",
            [
                "BuildProtocol", "CoordinatorAPI", "CoordinatorAdapters", "CoordinatorCore",
                "CoordinatorService", "HTTPServerKit", "HTTPTypes", "SQLKit", "Support",
            ]),
        tests("SimulationTests", ["ProcessKit", "Support", "TestSupport", "aibuild-simulate"]),
        module(
            "TestSupport", "Tests/TestSupport",
            [
                "CLinux", "CoordinatorCore", "HTTPClientKit", "HTTPTypes", "LoopKit", "ProcessKit",
                "SQLKit", "SSHKit", "Support",
            ],
            exclude: [
                "fake-aws.py", "fake-cloud.py", "fake-gitlab.py", "fake-mail.py", "fake_server.py",
                "lying-openid.py", "otlp-receiver.py", "real-openid.py",
            ]),
        tests(
            "HTTPTests",
            ["HTTPClientKit", "HTTPServerKit", "HTTPTypes", "ProcessKit", "Support", "TestSupport"]
        ),
        tests(
            "CLITests",
            [
                "ArgumentKit", "BuildProtocol", "HTTPClientKit", "HTTPServerKit", "HTTPTypes",
                "ProcessKit", "SSHKit", "Support", "Templates", "TestSupport", "TextKit", "aibuild",
                "aibuild-agent",
            ]),
        tests(
            "OpenStackKitTests",
            [
                "DiskImageKit", "HTTPClientKit", "HTTPTypes", "OpenStackKit", "ProcessKit",
                "Support", "TestSupport",
            ]),
        tests("ProcessKitTests", ["ProcessKit", "Support", "TestSupport"]),
        tests("AgentCoreTests", ["AgentCore", "BuildProtocol", "PackerKit", "TextKit"]),
        tests("PackerKitTests", ["PackerKit"]),
        tests(
            "AgentRuntimeTests",
            [
                "AgentCore", "AgentRuntime", "BuildProtocol", "LoopKit", "ProcessKit", "Support",
                "TestSupport", "TextKit", "YAMLKit", "aibuild-agent", "aibuild-fetch",
            ]),
        tests("TidyTests", ["ProcessKit", "Support"]),
        tests("BuildProtocolTests", ["BuildProtocol", "Support"]),
        tests(
            "CoordinatorAPITests",
            [
                "BuildProtocol", "CoordinatorAPI", "CoordinatorCore", "CoordinatorService",
                "HTTPServerKit", "HTTPTypes", "MetricsKit", "ProcessKit", "Support", "TestSupport",
                "TextKit",
            ]),
        tests(
            "CoordinatorAdaptersTests",
            [
                "BuildProtocol", "CoordinatorAdapters", "CoordinatorCore", "DockerKit",
                "HTTPServerKit", "HTTPTypes", "OpenStackKit", "PackerKit", "ProcessKit", "SQLKit",
                "SSHKit", "Support", "Templates", "TestSupport", "TextKit", "YAMLKit",
                "aibuild-agent",
            ]),
        tests(
            "CoordinatorCoreTests", ["BuildProtocol", "CoordinatorCore", "PackerKit", "TextKit"]),
        tests(
            "CoordinatorServiceTests",
            [
                "BuildProtocol", "CoordinatorCore", "CoordinatorService", "Support", "TestSupport",
                "TextKit",
            ]),
        tests(
            "EndToEndTests",
            [
                "AMQPKit", "BuildProtocol", "CoordinatorCore", "CoordinatorService",
                "HTTPClientKit", "HTTPServerKit", "HTTPTypes", "MetricsKit", "ProcessKit", "SQLKit",
                "SSHKit", "Support", "TestSupport", "TextKit", "aibuild", "aibuild-agent",
                "aibuild-coordinator",
            ]),
        tests(
            "ChaosTests",
            [
                "HTTPClientKit", "ProcessKit", "SQLKit", "Support", "TestSupport", "aibuild-agent",
                "aibuild-coordinator",
            ]),
        tests("ExampleTests", ["ProcessKit", "Support", "TestSupport"]),
        tests("JOSEKitTests", ["JOSEKit"]),
        tests("MetricsKitTests", ["MetricsKit", "ProcessKit", "Support", "TestSupport"]),
        tests("MailKitTests", ["MailKit", "Support", "TestSupport"]),
        tests("SheetKitTests", ["ProcessKit", "SheetKit", "Support", "TestSupport"]),
        tests("LoopKitTests", ["LoopKit", "Support", "TestSupport"]),
        tests(
            "SSHKitTests",
            ["LoopKit", "ProcessKit", "SSHKit", "Support", "TestSupport", "TextKit"]),
        tests("SQLKitTests", ["SQLKit", "Support", "TestSupport"]),
        tests("AMQPKitTests", ["AMQPKit", "ProcessKit", "Support", "TestSupport"]),
        tests(
            "StoreTests",
            [
                "BuildProtocol", "CoordinatorAdapters", "CoordinatorCore", "SQLKit", "Support",
                "TestSupport",
            ]),
        tests(
            "DockerKitTests",
            [
                "DockerKit", "HTTPClientKit", "HTTPTypes", "ProcessKit", "Support", "TestSupport",
                "TextKit",
            ]),
        tests("ErrorKitTests", ["ErrorKit"]),
        tests(
            "FuzzTests",
            [
                "AgentCore", "BuildProtocol", "CoordinatorAPI", "CoordinatorAdapters",
                "CoordinatorCore", "HTTPTypes", "Support", "Templates", "TestSupport",
            ]),
        tests("TextKitTests", ["TextKit"]),
        tests("YAMLKitTests", ["TextKit", "YAMLKit"]),
    ]
)
