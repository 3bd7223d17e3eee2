"""The experience store of XAutoLM and AutoGOAL: a tree of JSON files, alias/date/time-uuid.json, in two schemas.

`read` takes the files of one alias, or a packed store of lines {path, content}; `documents` gives them back. Every
failure that the source wrote twice, once with its error and once with the worst scores, is one record. The files' own
text is kept under ``extra``, so that what came from here goes back as it was.
"""

from knowledgebase.experiences.importers.xautolm.reading import read
from knowledgebase.experiences.importers.xautolm.writing import Written, documents, unnamed

__all__ = ["Written", "documents", "read", "unnamed"]
