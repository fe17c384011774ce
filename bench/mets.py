"""A plain reader of METS for bench/mets: two passes with SAX, one INSERT a row, one transaction.

    python3 mets.py OPTION-FILE DATABASE DOCUMENT

The first pass finds which dataset each file belongs to, the second one writes rows as it comes by what they hold.
"""
import binascii
import sys
import xml.sax

try:
    import MySQLdb as driver
except ImportError:
    import pymysql as driver

METS = "http://www.loc.gov/METS/"
MODS = "http://www.loc.gov/mods/v3"
XLINK = "http://www.w3.org/1999/xlink"


def attribute(attributes, name, namespace=None):
    return attributes.get((namespace, name))


class Structure(xml.sax.ContentHandler):
    """First pass: the datasets, and whose each file is."""

    def __init__(self):
        super().__init__()
        self.datasets = {}
        self.dataset_of = {}

    def startElementNS(self, name, qname, attributes):
        if name == (METS, "div") and attribute(attributes, "TYPE") == "dataset":
            self.datasets[attribute(attributes, "DMDID")] = len(self.datasets) + 1
        elif name == (METS, "fptr"):
            self.dataset_of[attribute(attributes, "FILEID")] = len(self.datasets)


class Rows(xml.sax.ContentHandler):
    """Second pass: everything into the database."""

    def __init__(self, structure, cursor):
        super().__init__()
        self.structure = structure
        self.cursor = cursor
        self.sets = {}
        self.files = 0
        self.section = self.set = self.file = None
        self.parameters = self.depth = 0
        self.text = []
        cursor.execute("INSERT INTO experiment (title, description, institution, created_at, updated_at)"
                       " VALUES ('', '', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))")
        self.id = cursor.lastrowid

    def startElementNS(self, name, qname, attributes):
        self.text = []
        if self.set:
            self.depth += 1
            if self.depth == 1:
                self.start_set(name)
        elif name == (METS, "dmdSec"):
            self.section = attribute(attributes, "ID")
        elif name == (METS, "techMD"):
            self.section = attribute(attributes, "ID")
        elif name == (METS, "xmlData") and self.section.startswith("A-"):
            self.set, self.depth = self.section, 0
        elif name == (METS, "file"):
            self.file = attributes
        elif name == (METS, "FLocat"):
            self.add_file(self.file, attribute(attributes, "href", XLINK))

    def characters(self, content):
        self.text.append(content)

    def endElementNS(self, name, qname):
        if self.set and name == (METS, "xmlData"):
            self.set = None
        elif self.set:
            if self.depth == 2:
                self.add_parameter(name[1], "".join(self.text))
            self.depth -= 1
        elif name == (MODS, "title"):
            self.add_title("".join(self.text))
        elif name == (METS, "mets"):
            self.cursor.execute("UPDATE experiment SET file_count = %s WHERE id = %s", (self.files, self.id))

    def add_title(self, title):
        number = self.structure.datasets.get(self.section)
        if number is None:
            self.cursor.execute("UPDATE experiment SET title = %s WHERE id = %s", (title, self.id))
        else:
            self.cursor.execute("INSERT INTO dataset (experiment_id, number, description) VALUES (%s, %s, %s)",
                                (self.id, number, title))

    def start_set(self, name):
        self.sets[self.set] = len(self.sets) + 1
        self.parameters = 0
        self.cursor.execute("INSERT INTO parameter_set (experiment_id, number, schema_uri, root_element)"
                            " VALUES (%s, %s, %s, %s)", (self.id, self.sets[self.set], name[0], name[1]))

    def add_parameter(self, name, text):
        self.parameters += 1
        try:
            number = float(text)
        except ValueError:
            number = None
        self.cursor.execute("INSERT INTO parameter (experiment_id, set_number, number, name, text_value, numeric_value)"
                            " VALUES (%s, %s, %s, %s, %s, %s)",
                            (self.id, self.sets[self.set], self.parameters, name, text, number))

    def add_file(self, file, href):
        self.files += 1
        self.cursor.execute("INSERT INTO datafile (experiment_id, number, dataset_number, name, path, size, media_type,"
                            " digest_algorithm, digest) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                            (self.id, self.files, self.structure.dataset_of[attribute(file, "ID")],
                             attribute(file, "OWNERID"), href.split("://", 1)[1], int(attribute(file, "SIZE")),
                             attribute(file, "MIMETYPE"), attribute(file, "CHECKSUMTYPE"),
                             binascii.unhexlify(attribute(file, "CHECKSUM"))))
        for position, section in enumerate(attribute(file, "ADMID").split()):
            self.cursor.execute("INSERT INTO parameter_set_owner (experiment_id, owner_kind, owner_number, position,"
                                " set_number) VALUES (%s, 'datafile', %s, %s, %s)",
                                (self.id, self.files, position + 1, self.sets[section]))


def read(document, handler):
    parser = xml.sax.make_parser()
    parser.setFeature(xml.sax.handler.feature_namespaces, True)
    parser.setContentHandler(handler)
    parser.parse(document)


def main(option_file, database, document):
    connection = driver.connect(read_default_file=option_file, read_default_group="tardis", database=database,
                                charset="utf8mb4")
    structure = Structure()
    read(document, structure)
    read(document, Rows(structure, connection.cursor()))
    connection.commit()


main(*sys.argv[1:])
