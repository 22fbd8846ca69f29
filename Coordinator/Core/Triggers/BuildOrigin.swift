public import BuildProtocol

/// What started a build that no person requested.
public struct BuildOrigin: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A push to the branch that the guest OS is built from, or to another that it names.
        case push
        case tag
        case mergeRequest = "merge_request"
        case schedule
        /// Another guest OS, whose image it starts from, has a new image.
        case parent
        /// The image or ISO that it starts from has changed at its address.
        case baseImage = "base_image"
        /// The packages of its sources have changed.
        case packages
        /// The newest image is older than the template allows.
        case age
        /// A message of a queue.
        case request
        /// A profile of a machine is new or has changed; `project` is its name.
        case profile
    }

    /// The request that a message made, and who wants to know of its build.
    public struct Request: Sendable, Hashable, Codable {
        public var id: String
        public var replyTo: String?
        public var correlationID: String?

        public init(id: String, replyTo: String? = nil, correlationID: String? = nil) {
            self.id = id
            self.replyTo = replyTo
            self.correlationID = correlationID
        }
    }

    public var kind: Kind
    /// The name of the hook that reported it; `nil` if no Git server did.
    public var hook: String?
    /// Path of the project on the Git server.
    public var project: String?
    /// The branch or tag; of a merge request, its target branch.
    public var ref: String?
    /// Of a merge request.
    @OptionalBounded<CountBound> public var number: Int?
    /// A merge request from another project, whose people may not be trusted.
    public var isForeign: Bool?
    /// The delivery that reported it.
    @OptionalBounded<CountBound> public var delivery: Int?
    /// If a message requested it.
    public var request: Request?

    public init(
        kind: Kind, hook: String? = nil, project: String? = nil, ref: String? = nil,
        number: Int? = nil, isForeign: Bool? = nil, delivery: Int? = nil, request: Request? = nil
    ) {
        self.kind = kind
        self.hook = hook
        self.project = project
        self.ref = ref
        self.number = number
        self.isForeign = isForeign
        self.delivery = delivery
        self.request = request
    }

    /// Whether a newer build of this origin takes the place of one that is still queued.
    public func replaces(_ older: BuildOrigin) -> Bool {
        kind == older.kind && hook == older.hook && project == older.project
            && ref == older.ref && number == older.number
    }
}
