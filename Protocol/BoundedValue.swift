/// A value that is within bounds whenever it is read; see `Bounded` and `BoundedText`.
public protocol BoundedValue: Codable, Hashable, Sendable {
    associatedtype Value: Codable
    init(wrappedValue: Value)
    var wrappedValue: Value { get }
}

extension BoundedValue {
    public init(from decoder: any Decoder) throws {
        self.init(wrappedValue: try decoder.singleValueContainer().decode(Value.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

/// A bounded value that may be missing.
@propertyWrapper
public struct IfPresent<Wrapper: BoundedValue>: Hashable, Sendable {
    public private(set) var projectedValue: Wrapper?

    public init(wrappedValue: Wrapper.Value?) {
        projectedValue = wrappedValue.map { Wrapper(wrappedValue: $0) }
    }

    public var wrappedValue: Wrapper.Value? {
        get { projectedValue?.wrappedValue }
        set { self = IfPresent(wrappedValue: newValue) }
    }
}

public typealias OptionalBounded<Bound: NumberBound> = IfPresent<Bounded<Bound>>
public typealias OptionalBoundedText<Bound: TextBound> = IfPresent<BoundedText<Bound>>

extension IfPresent: Codable {
    public init(from decoder: any Decoder) throws {
        let isMissing = try decoder.singleValueContainer().decodeNil()
        projectedValue = isMissing ? nil : try Wrapper(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(projectedValue)
    }
}

// What the compiler's own coding calls: without these a missing field would be an error, and a
// `nil` would be written as `null`.

extension KeyedDecodingContainer {
    public func decode<Wrapper>(
        _ type: IfPresent<Wrapper>.Type, forKey key: Key
    ) throws -> IfPresent<Wrapper> {
        try decodeIfPresent(type, forKey: key) ?? IfPresent(wrappedValue: nil)
    }
}

extension KeyedEncodingContainer {
    public mutating func encode<Wrapper>(_ value: IfPresent<Wrapper>, forKey key: Key) throws {
        try encodeIfPresent(value.projectedValue, forKey: key)
    }
}
