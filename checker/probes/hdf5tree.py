"""Walk the structure of an HDF5 file within bounds, and follow nothing that leads out of it.

h5py's low-level API tells a link's kind, and where a dataset keeps its values, before anything is opened.
Values are not read. Source of the kinds: the HDF5 specification's links, layouts and filter pipeline.
"""

from __future__ import annotations

MAX_LINKS = 50_000
MAX_DEPTH = 1_000
MAX_ATTRIBUTES = 100_000
MAX_ATTRIBUTE = 32_000_000  # bytes
SMALL = 64_000_000  # bytes that a file of any size may promise
MOST_TIMES = 20  # weights, even packed, are not promised many times over by what is in the file
DEFLATE = 1_100  # and no filter of HDF5's own packs better than 1 to this
# deflate, shuffle, fletcher32, szip, nbit, scaleoffset; h5py brings lzf itself.
BUILT_IN = (1, 2, 3, 4, 5, 6, 32000)


class Walk:
    """One walk: ``note(kind, place, detail)`` is called for each thing worth knowing.

    Counts are in ``links``, ``groups``, ``datasets``, ``attributes``, ``depth`` and ``promised`` (bytes);
    ``whole`` says whether all of it was seen.
    """

    def __init__(self, note):
        self._note = note
        self._seen = {}
        self.links = self.groups = self.datasets = self.attributes = 0
        self.depth = self.promised = 0
        self.whole = True

    def walk(self, file, size):
        """Look at everything in an open ``h5f.FileID``; ``size`` is the file's, in bytes."""
        from h5py import h5g, h5o

        root = h5g.open(file, b"/")
        self._seen[h5o.get_info(root).addr] = None
        block = file.get_create_plist().get_userblock()
        if block:
            self._note("user-block", "/", "{:,} bytes before the HDF5 file begins".format(block))
        stack = self._group(root, None, 0)
        while stack:
            parent, name, place, depth = stack.pop()
            try:
                stack += self._link(parent, name, place, depth, size)
            except Exception as error:  # h5py raises what HDF5's error classes are mapped to: many kinds
                self._note("unreadable", shown(place), "{}: {}".format(type(error).__name__, error))
        if self.promised > max(SMALL, MOST_TIMES * size):
            words = "arrays of {:,} bytes are promised by a file of {:,}".format(self.promised, size)
            self._note("promises-more", "/", words)

    def _stop(self, place, why):
        self.whole = False
        self._note("not-read-whole", shown(place), why)

    def _group(self, group, place, depth):
        """Count a group and its attributes; what is still to be looked at in it, the first one last."""
        self.groups += 1
        self.depth = max(self.depth, depth)
        self._attributes(group, place)
        if depth >= MAX_DEPTH:
            self._stop(place, "groups in groups, more than {:,} deep".format(MAX_DEPTH))
            return []
        names, room = [], MAX_LINKS - self.links

        def take(name, *_):
            names.append(name)
            return True if len(names) > room else None

        group.links.iterate(take)
        self.links += len(names)
        if len(names) > room:
            self._stop(place, "more than {:,} links".format(MAX_LINKS))
            names = names[:room]
        for name in sorted({name for name in names if names.count(name) > 1} if len(names) < 1000 else ()):
            self._note("duplicate-link", shown((place, name)), "two links of this name in one group")
        if len(set(names)) < len(names) >= 1000:
            self._note("duplicate-link", shown(place), "two links of one name in this group")
        return [(group, name, (place, name), depth + 1) for name in reversed(names)]

    def _link(self, parent, name, place, depth, size):
        """Look at one link, and at what it leads to where that is in the file; more to look at."""
        from h5py import h5l, h5o

        if b"/" in name or name in (b"", b"."):
            # HDF5 takes it for a path, which would be followed through links of any kind.
            self._note("odd-name", shown(place), "the name of a link that HDF5 takes for a path")
            return []
        link = parent.links.get_info(name)
        if link.type == h5l.TYPE_SOFT:
            self._note("soft-link", shown(place), "to {}".format(text(parent.links.get_val(name))))
            return []
        if link.type == h5l.TYPE_EXTERNAL:
            file, inside = parent.links.get_val(name)
            self._note("external-link", shown(place), "to {} in the file {}".format(text(inside), text(file)))
            return []
        if link.type != h5l.TYPE_HARD:
            self._note("unknown-link", shown(place), "a link of kind {}".format(link.type))
            return []
        if link.u in self._seen:
            self._shared(link.u, place)
            return []
        self._seen[link.u] = place
        return self._object(h5o.open(parent, name), place, depth, size)

    def _shared(self, address, place):
        other, above = self._seen[address], place
        while above is not None:
            above = above[0]
            if above is other:
                self._note("cycle", shown(place), "a hard link back to {}".format(shown(other)))
                return
        self._note("shared", shown(place), "the same object as {}".format(shown(other)))

    def _object(self, found, place, depth, size):
        from h5py import h5d, h5g

        if isinstance(found, h5g.GroupID):
            return self._group(found, place, depth)
        self._attributes(found, place)
        if isinstance(found, h5d.DatasetID):
            self.datasets += 1
            self._dataset(found, place, size)
        return []

    def _attributes(self, found, place):
        from h5py import h5a

        count = h5a.get_num_attrs(found)
        self.attributes += count
        if self.attributes > MAX_ATTRIBUTES:
            if self.attributes - count <= MAX_ATTRIBUTES:
                self._stop(place, "more than {:,} attributes".format(MAX_ATTRIBUTES))
            return
        names = []
        h5a.iterate(found, lambda name, *_: names.append(name))
        for name in names:
            held = h5a.open(found, name)
            size = promised_by(held)
            if size > MAX_ATTRIBUTE:
                words = "the attribute {} has {:,} bytes".format(text(name), size)
                self._note("attribute-too-large", shown(place), words)

    def _dataset(self, data, place, size):
        from h5py import h5d, h5t

        settings = data.get_create_plist()
        # Before its shape is asked for: that of a virtual dataset may be asked of other files.
        if settings.get_layout() == h5d.VIRTUAL:
            files = {
                text(settings.get_virtual_filename(at)) for at in range(_few(settings.get_virtual_count()))
            }
            self._note("virtual-dataset", shown(place), "made of parts of: " + ", ".join(sorted(files)))
            return
        outside = settings.get_external_count()
        if outside:
            files = {text(settings.get_external(at)[0]) for at in range(_few(outside))}
            self._note("external-storage", shown(place), "its values lie in: " + ", ".join(sorted(files)))
        for at in range(settings.get_nfilters()):
            code, _, _, name = settings.get_filter(at)
            if code not in BUILT_IN:
                words = "filter {} ({}), which is no part of HDF5".format(
                    code, text(name) or "without a name"
                )
                self._note("filter-plugin", shown(place), words)
        kind = data.get_type()
        if not _is_number(kind, h5t):
            self._note(
                "weights-type", shown(place), "values of {}, not numbers".format(_type_words(kind, h5t))
            )
        self._promise(data, kind.get_size(), place, size)

    def _promise(self, data, item, place, size):
        """How much the shape promises, and how much of it there is."""
        shape = data.get_space().get_simple_extent_dims()
        promised, stored = item, data.get_storage_size()
        for side in shape or ():
            promised *= side
        self.promised += promised
        if promised > SMALL and promised > DEFLATE * stored:
            words = "the shape {} is {:,} bytes, and {:,} are there"
            self._note("promises-more", shown(place), words.format(shape, promised, stored))
        offset = data.get_offset()
        if offset is not None and offset + stored > size:
            self._note("promises-more", shown(place), "its values lie beyond the end of the file")


def shown(place):
    """A place as a path; ``place`` is (place above, name), None the root."""
    names = []
    while place is not None:
        place, name = place
        names.append(text(name))
    whole = "/" + "/".join(reversed(names))
    return whole if len(whole) <= 300 else whole[:140] + " ... " + whole[-140:]


def text(value):
    """A name or a text of HDF5; Keras has written bytes and str."""
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _few(count):
    return min(count, 5)


def promised_by(attribute):
    """Bytes that an open attribute would take, less those that lie elsewhere (texts of any length)."""
    return attribute.get_space().get_simple_extent_npoints() * attribute.get_type().get_size()


def _is_number(kind, h5t):
    # Truth values are an enumeration; bfloat16 is two opaque bytes.
    size = {h5t.OPAQUE: 2, h5t.ENUM: 1}.get(kind.get_class())
    return kind.get_class() in (h5t.INTEGER, h5t.FLOAT) or kind.get_size() == size


def _type_words(kind, h5t):
    words = {
        h5t.STRING: "text",
        h5t.VLEN: "any length",
        h5t.REFERENCE: "references",
        h5t.COMPOUND: "several fields",
        h5t.OPAQUE: "an unknown kind",
        h5t.ENUM: "an enumeration",
        h5t.ARRAY: "arrays",
    }
    return words.get(kind.get_class(), "another kind")
