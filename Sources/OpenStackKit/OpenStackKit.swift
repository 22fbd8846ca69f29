//! OpenStackKit: Keystone v3 (logins, catalog) and Glance v2 (images) over HTTP. It is
//! independent of the origin of images. Errors quote the cloud so that a person can act, and say
//! whether the same request would fail again. Callers retry; only a login after a rejected token,
//! and small requests that met a server error, are retried here.

public import HTTPClientKit

/// The limits of the kit, each with its reason.
public struct OpenStackLimits: Sendable {
    /// A token is renewed this long before it expires, so that a call that begins with it can end.
    public var tokenMarginSeconds = 60.0

    /// One call other than an upload. Glance is slow when its Keystone or its store is, but a
    /// person waits for the response.
    public var call = HTTPTimeouts(connectSeconds: 10, stallSeconds: 60, totalSeconds: 90)

    /// Pauses before a small call is repeated after an error of the server: a few seconds in all,
    /// which a person can wait for.
    public var repeatPausesMilliseconds = [300, 1000, 3000]

    /// An upload may take hours, but if no byte moves for this long, the network or the store
    /// hangs. The store also has this long to respond after the last byte.
    public var upload = HTTPTimeouts(connectSeconds: 10, stallSeconds: 180)

    /// How long an image may stay `saving` after its upload has ended, until Glance notices, or its
    /// store has written the bytes.
    public var settleSeconds = 120.0

    /// How long an import may take after its data has arrived: the cloud may copy and convert an
    /// image of hundreds of gigabytes.
    public var importSeconds = 3600.0

    /// Redirects that are followed on one server: a proxy adds a slash, a scheme or a prefix.
    public var redirects = 3

    /// Images of one page of a list: Glance's own upper bound is 1000 by default.
    public var pageImages = 200

    /// Images of one list in all: a filter that matches more is wrong.
    public var listedImages = 10_000

    /// Characters of an error message that are shown.
    public var shownWords = 300

    public init() {}

    /// For a check that a person waits for: a minute in all.
    public var forCheck: OpenStackLimits {
        var limits = self
        limits.settleSeconds = min(settleSeconds, 20)
        limits.importSeconds = min(importSeconds, 40)
        return limits
    }
}
