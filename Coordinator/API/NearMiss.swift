import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TextKit

/// The names that may have been meant by one that nothing has.
struct NearMiss {
    let ports: Ports

    /// Two thousand names are compared in a few milliseconds, and no farm of ours has more. With
    /// more, those after them are not suggested.
    private static let comparedNames = 2000

    /// What to do about the name: the nearest one, or how to list them all.
    func remedy(for unknown: UnknownName) async -> String? {
        if let near = await nearest(to: unknown.name, of: unknown.kind) {
            return "Did you mean \(Names.quoted(near))?"
        }
        let command =
            switch unknown.kind {
            case .guestOS: "guestos list"
            case .testCase: "testcase list"
            case .host: "host list"
            case .environment: "env list"
            case .build: "builds"
            case .release: "releases"
            case .secret: "secret list"
            case .user: "user list"
            case .token: "token list"
            }
        return "List them: aibuild \(command)"
    }

    /// `nil` if no name is near, or if the store cannot be read: the name is unknown in any case.
    func nearest(to name: String, of kind: NamedKind) async -> String? {
        let names = (try? await names(of: kind)) ?? []
        return Suggestion.nearest(to: name, in: names.prefix(Self.comparedNames))
    }

    private func names(of kind: NamedKind) async throws -> [String] {
        let store = ports.store
        return switch kind {
        case .guestOS:
            try await store.guestOSes(after: nil, limit: Self.comparedNames).map(\.name)
        case .testCase: try await store.testCases(nil).map(\.name)
        case .host: try await store.hosts().map(\.name)
        case .environment: try await store.environments().map(\.name)
        case .secret: try await store.secrets().map(\.name)
        case .user: try await store.accessRecords().principals.map(\.name)
        case .build, .release, .token: []  // IDs are not typed.
        }
    }
}
