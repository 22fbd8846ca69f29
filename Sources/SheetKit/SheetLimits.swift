/// The limits of the kit, each with its reason.
public struct SheetLimits: Sendable {
    /// A registry of a thousand rows has 100 KiB. The file is held in memory.
    public var fileBytes = 8 << 20

    /// Files in an archive: a workbook has some ten, and a few for each sheet and picture.
    public var entries = 4096

    /// Uncompressed size of one file in an archive, and its largest ratio to the compressed size: a
    /// sheet of equal rows has 60 : 1, a bomb a thousand.
    public var entryBytes = 256 << 20
    public var ratio = 250
    /// What all parts that are read unpack to: several may share the same packed bytes.
    public var unpackedBytes = 512 << 20
    /// Smaller files may have any ratio.
    public var ratioFromBytes = 1 << 20

    public var sheets = 256

    /// Rows with content of one sheet, at any position that the program allows.
    public var rows = 100_000

    /// Columns: ten times the number of any sheet here. Empty ones beyond do not count.
    public var columns = 256

    /// Cells with content of all sheets. A cell takes some 40 bytes.
    public var cells = 1_000_000

    /// Texts of all cells together; a shared text counts for each cell.
    public var textBytes = 64 << 20

    /// The longest text that a cell of Excel can hold, in UTF-8.
    public var cellBytes = 32_767 * 4

    /// Texts that a workbook stores separately from its cells.
    public var sharedStrings = 1_000_000

    /// Levels of nesting of XML; spreadsheets use about ten.
    public var xmlDepth = 64

    public init() {}
}
