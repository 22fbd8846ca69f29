import Glibc

exit(await FetchProgram.run(CommandLine.arguments))
