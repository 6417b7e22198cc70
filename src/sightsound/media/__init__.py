"""Files in, arrays out, and back: sound, pictures and video, all to one convention."""
