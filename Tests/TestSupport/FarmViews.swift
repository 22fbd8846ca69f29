// The API's answers, with the members that tests use.

public struct FarmBuild: Decodable, Sendable {
    public struct Fault: Decodable, Sendable, Hashable {
        public var `class`, code, reason: String
    }

    public struct Image: Decodable, Sendable {
        public var name, path, url, sha256, format: String
        public var sizeBytes: Int64
        public var virtualSizeBytes: Int64?
    }

    public struct Outcome: Decodable, Sendable {
        public var fault: Fault?
        public var exitCode: Int?
    }

    public struct Attempt: Decodable, Sendable {
        public var attempt, host: String
        public var ordinal: Int
        public var stage: String
        public var outcome: Outcome?
        public var logBytes: Int64?
        public var logSHA256: String?
        public var accelerator: String?
        public var guest: Guest?

        /// `kvm1 packer.failed`, `kvm1 passed`, `kvm1 ?` while it runs.
        public var summary: String {
            "\(host) " + (outcome.map { $0.fault?.code ?? "passed" } ?? "?")
        }
    }

    public struct RemoteImage: Decodable, Sendable {
        public var builder, type, state: String
        public var id, problem: String?
    }

    public struct Test: Decodable, Sendable {
        public var name, result, detail: String
        public var log: String?
    }

    public struct Guest: Decodable, Sendable {
        public var summary: String
        public var serialTail, screenshot: String?
        public var notes: [String]
    }

    public struct Waiting: Decodable, Sendable {
        public struct Host: Decodable, Sendable {
            public var host, reason: String
        }

        public var position: Int
        public var summary, remedy: String
        public var hosts: [Host]
    }

    public var id, guestOS, imageName, state, stage: String
    public var number, attemptCount: Int
    public var cancelRequested: Bool
    public var phase, host, attempt: String?
    public var durationSeconds: Double?
    public var fault: Fault?
    public var image: Image?
    public var attempts: [Attempt]?
    public var tests: [Test]?
    public var remoteImages: [RemoteImage]?
    public var waiting: Waiting?

    public var isEnded: Bool { ["passed", "failed", "cancelled"].contains(state) }
}

public struct FarmHostView: Decodable, Sendable {
    public var name, address, state, detail: String
    public var drained: Bool
    public var running: Int
    public var accelerators: [String]
}

public struct FarmList<Item: Decodable & Sendable>: Decodable, Sendable {
    public var items: [Item]
    public var next: String?
}

public struct FarmProblem: Decodable, Sendable {
    public var title, detail: String
    public var remedy: String?
    public var status: Int
}
