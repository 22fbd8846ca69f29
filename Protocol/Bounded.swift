/// A number with a range that its type names. Whoever sends it, and whatever an older version
/// stored, the value that is read is within the range: sums and differences of a few such numbers
/// cannot overflow.
///
///     @Bounded<ByteBound> public var sizeBytes: Int64
///
/// A number outside the range is not refused while a message or a row is decoded: the message may
/// be the only one that ends an attempt. `isOutOfRange` tells whoever can refuse it. A decoder
/// with `BoundedDecoding.refusing` refuses it, as suits what people send.
@propertyWrapper
public struct Bounded<Bound: NumberBound>: Sendable, Hashable {
    /// As it came.
    private var raw: Bound.Number

    public init(wrappedValue: Bound.Number) { raw = wrappedValue }

    public var wrappedValue: Bound.Number {
        get { min(max(raw, Bound.range.lowerBound), Bound.range.upperBound) }
        set { raw = newValue }
    }

    public var projectedValue: Self { self }

    public var isOutOfRange: Bool { !Bound.range.contains(raw) }
}

/// The range of one kind of number.
public protocol NumberBound: Sendable {
    associatedtype Number: FixedWidthInteger & Codable & Sendable
    static var range: ClosedRange<Number> { get }
}

/// More bytes than any disk, memory, file or log has. A thousand of them can be added up.
public enum ByteBound: NumberBound { public static let range: ClosedRange<Int64> = 0...(1 << 50) }

/// A chunk of an artifact.
public enum ChunkBound: NumberBound {
    public static let range = Int64(ProtocolLimits.artifactChunkBytes)...ByteBound.range.upperBound
}

/// vCPUs, attempts, build numbers: more than any farm counts.
public enum CountBound: NumberBound { public static let range = 0...(1 << 31) }

/// Attempts at once on one host.
public enum SlotBound: NumberBound {
    public static let range = 0...ProtocolLimits.attemptsPerHost
}

/// Times that a test case boots its image.
public enum BootBound: NumberBound { public static let range = 1...ProtocolLimits.testBoots }

/// What a process can exit with.
public enum ExitStatusBound: NumberBound { public static let range = 0...255 }

/// TCP ports.
public enum PortBound: NumberBound { public static let range = 1...65_535 }

/// Milliseconds from 1970 to the year 10000.
public enum UnixTimeBound: NumberBound {
    public static let range: ClosedRange<Int64> = 0...253_402_300_799_000
}

/// Milliseconds up to a century.
public enum DurationBound: NumberBound {
    public static let range: ClosedRange<Int64> = 0...(36_525 * 86_400_000)
}

/// Seconds up to a century.
public enum SecondsBound: NumberBound { public static let range = 0...(36_525 * 86_400) }

/// Of the clean-up of a build program. Less than a coordinator waits for the end of an attempt that
/// it cancelled.
public enum CleanupBound: NumberBound {
    public static let range = 0...ProtocolLimits.cleanupSeconds
}

/// Lease epochs and ids: what every JSON reader takes for an integer.
public enum SerialBound: NumberBound { public static let range: ClosedRange<Int64> = 0...(1 << 53) }

// MARK: Sums

extension Sequence where Element: FixedWidthInteger {
    /// The sum of any number of them, or the end of the type's range where it would overflow.
    public func clampedSum() -> Element {
        reduce(0) { sum, number in
            let (result, overflow) = sum.addingReportingOverflow(number)
            return overflow ? (number > 0 ? .max : .min) : result
        }
    }
}

// MARK: Coding

public enum BoundedDecoding {
    private static let key = CodingUserInfoKey(rawValue: "aibuild.refusesOutOfRange")

    /// The `userInfo` of a decoder that refuses numbers outside their range.
    public static var refusing: [CodingUserInfoKey: any Sendable] {
        key.map { [$0: true] } ?? [:]
    }

    /// Whether what people send is decoded.
    public static func isRefusing(_ decoder: any Decoder) -> Bool {
        key.map { decoder.userInfo[$0] != nil } ?? false
    }
}

extension Bounded: BoundedValue {
    /// A number that is too large for its type counts as the largest of that type.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            raw = try container.decode(Bound.Number.self)
        } catch {
            guard let number = try? container.decode(Double.self),
                abs(number) > Double(Bound.range.upperBound)
            else { throw error }
            raw = number > 0 ? .max : .min
        }
        if isOutOfRange, BoundedDecoding.isRefusing(decoder) {
            let range = Bound.range
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "use a number from \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
