/// The limits of the kit, each with its reason.
public struct SheetLimits: Sendable {
    /// A registry of a thousand rows has 100 KiB. The file is held in memory.
    public var fileBytes = 8 << 20

    /// Files in an archive: a workbook has some ten, and a few for each sheet and picture.
    public var entries = 4096

    /// Uncompressed bytes of one file in an archive, and how many times its compressed bytes they
    /// may be: a sheet of equal rows packs 60 : 1, a bomb a thousand.
    public var entryBytes = 256 << 20
    public var ratio = 250
    /// Smaller ones may be packed as they like.
    public var ratioFromBytes = 1 << 20

    public var sheets = 256

    /// Rows with content of one sheet. They may stand as far down as the program allows.
    public var rows = 100_000

    /// Columns: ten times what any sheet here has. What is empty beyond does not count.
    public var columns = 256

    /// Cells with content of all sheets. A cell takes some 40 bytes.
    public var cells = 1_000_000

    /// Texts of all cells together, each counted where it stands.
    public var textBytes = 64 << 20

    /// The longest text that a cell of Excel can hold, in UTF-8.
    public var cellBytes = 32_767 * 4

    /// Texts that a workbook keeps beside its cells.
    public var sharedStrings = 1_000_000

    /// Levels of nesting of XML; spreadsheets use about ten.
    public var xmlDepth = 64

    public init() {}
}
