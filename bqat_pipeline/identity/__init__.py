"""Same person: templates of faces and their distances. Optional, off by default (``BQAT_IDENTITY``).

The network is dlib's face recognition network, whose file comes with the extra ``identity``. A template is personal
data of a special category wherever it is stored; docs/identity.md says what follows from that.

Nothing of this package is imported while identities are switched off.
"""
