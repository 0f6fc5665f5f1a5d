"""The commands of dcmtk as independent judges of the codecs."""
