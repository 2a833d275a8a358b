"""What other systems keep of a report: its main figures by name, and model cards that hold them.

Each card is one file, checked in the tests by the tools that read it. A card holds figures with their
intervals and the verdict's sentence, and no judgement of its own.
"""
