import Glibc

exit(await FetchProgram.run(Array(CommandLine.arguments.dropFirst())))
