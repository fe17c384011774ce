# Bad documents are refused whole, with a typed error and the line, and nothing remains in the database. What
# is odd but not wrong is accepted.

use strict;
use warnings;
use utf8;
use Encode qw(encode encode_utf8);
use File::Temp;
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Ingest;

my $ingest = Ingest->new;

# A good document, one element a line. Each bad one differs from it by a substitution.
my $good = <<'XML';
<?xml version="1.0" encoding="UTF-8"?>
<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mods="http://www.loc.gov/mods/v3">
<metsHdr><agent ROLE="DISSEMINATOR" TYPE="ORGANIZATION"><name>Facility</name></agent></metsHdr>
<dmdSec ID="E-1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods>
<mods:titleInfo><mods:title>Title</mods:title></mods:titleInfo>
<mods:abstract>Words</mods:abstract>
</mods:mods></xmlData></mdWrap></dmdSec>
<dmdSec ID="D-1"><mdWrap MDTYPE="MODS"><xmlData><mods:mods><mods:titleInfo><mods:title>Set</mods:title></mods:titleInfo></mods:mods></xmlData></mdWrap></dmdSec>
<amdSec>
<techMD ID="A-1"><mdWrap MDTYPE="OTHER"><xmlData><s:datafile xmlns:s="http://example.org/s"><s:io>5</s:io></s:datafile></xmlData></mdWrap></techMD>
</amdSec>
<fileSec><fileGrp>
<file ID="F-1" SIZE="1" ADMID="A-1" OWNERID="one"><FLocat LOCTYPE="URL" xlink:href="tardis://raw/one"/></file>
<file ID="F-2" SIZE="2" OWNERID="two"><FLocat LOCTYPE="URL" xlink:href="tardis://raw/two"/></file>
</fileGrp></fileSec>
<structMap>
<div TYPE="investigation" DMDID="E-1">
<div TYPE="dataset" DMDID="D-1">
<fptr FILEID="F-1"/>
<fptr FILEID="F-2"/>
</div>
</div>
</structMap>
</mets>
XML
my $file_line = line_of($good, 'ID="F-2"');
my $not_good = <<'XML';
<experiment>
<title>T</title>
<dataset>
<description>set</description>
<file><name>one</name><size>1</size><md5>unknown</md5><path>unknown</path></file>
<file><name>two</name><size>2</size></file>
</dataset>
</experiment>
XML

sub line_of { my ($text, $part) = @_; return 1 + (substr($text, 0, index($text, $part)) =~ tr/\n//) }
sub with { my ($text, $from, $to) = @_; index($text, $from) >= 0
    or die "no $from"; return $text =~ s/\Q$from\E/$to/r }

sub refused {
    my ($name, $document, $code, $line, $words) = @_;
    my $result = $ingest->register($document, 'tardis.1', 'https://provider.example');
    my $as_said = ($result->{code} // 'accepted') eq $code && (!defined $line || $result->{line} == $line)
        && (!defined $words || $result->{text} =~ $words);
    ok($as_said, "$name: $code" . (defined $line ? ", line $line" : ''))
        or diag(join(' ', map { $_ // '-' } @{$result}{qw(outcome code line text)}));
    is($ingest->rows, 0, 'and nothing remains');
    return $result;
}

# mets.md, "Bad documents", and the structure of METS: name, what is replaced, by what, the error, where.
my @structure = (
    ['a negative size', 'SIZE="2"', 'SIZE="-2"', 'document_invalid', $file_line],
    ['no size', 'SIZE="2" ', '', 'document_invalid', $file_line],
    ['a size in words', 'SIZE="2"', 'SIZE="two"', 'document_invalid', $file_line],
    ['an empty size', 'SIZE="2"', 'SIZE=""', 'document_invalid', $file_line],
    ['a size with a fraction', 'SIZE="2"', 'SIZE="2.0"', 'document_invalid', $file_line],
    ['a size beyond 63 bits', 'SIZE="2"', 'SIZE="9223372036854775808"', 'document_invalid', $file_line],
    ['a size beyond 64 bits', 'SIZE="2"', 'SIZE="18446744073709551617"', 'document_invalid', $file_line],
    ['sizes that add up to too much', 'SIZE="2"', 'SIZE="9223372036854775807"', 'document_limit', $file_line],
    ['a file twice in a dataset', '<fptr FILEID="F-2"/>', '<fptr FILEID="F-1"/>', 'document_invalid',
        line_of($good, '<fptr FILEID="F-2"')],
    ['a file in no dataset', '<fptr FILEID="F-2"/>', '', 'document_invalid', $file_line],
    ['a file in two datasets', "</div>\n</div>",
        qq{</div><div TYPE="dataset">\n<fptr FILEID="F-1"/></div></div>}, 'document_invalid', line_of($good,
        "</div>\n</div>") + 1],
    ['a file directly in the investigation', "<fptr FILEID=\"F-2\"/>\n</div>",
        "</div>\n<fptr FILEID=\"F-2\"/>", 'document_invalid', $file_line],
    ['an undefined file', '<fptr FILEID="F-2"/>', '<fptr FILEID="F-3"/>', 'document_invalid', line_of($good,
        '<fptr FILEID="F-2"')],
    ['an undefined dmdSec', 'DMDID="D-1"', 'DMDID="D-9"', 'document_invalid', line_of($good, 'DMDID="D-1"')],
    ['undefined metadata', 'ADMID="A-1"', 'ADMID="A-1 A-2"', 'document_invalid', $file_line - 1],
    ['an ID of another kind', 'ADMID="A-1"', 'ADMID="E-1"', 'document_invalid', $file_line - 1],
    ['an ID of another kind, before it is defined', 'ADMID="A-1"', 'ADMID="F-2"', 'document_invalid',
        $file_line],
    ['an ID twice', 'ID="F-2"', 'ID="F-1"', 'document_invalid', $file_line],
    ['an ID twice, of two kinds', 'ID="F-2"', 'ID="D-1"', 'document_invalid', $file_line],
    ['an ID twice, of an element that does not matter', '<structMap>', '<structMap ID="F-1">',
        'document_invalid', line_of($good, '<structMap>')],
    ['no ID', ' ID="F-2"', '', 'document_invalid', $file_line],
    ['an empty ID', 'ID="F-2"', 'ID=" "', 'document_invalid', $file_line],
    ['a long ID', 'ID="F-2"', 'ID="' . 'x' x 256 . '"', 'document_limit', $file_line],
    ['no investigation', 'TYPE="investigation"', 'TYPE="study"', 'document_invalid'],
    ['no structMap', 'structMap', 'other', 'document_malformed'],
    ['two investigations', '</structMap>', qq{<div\nTYPE="investigation"/></structMap>}, 'document_invalid',
        line_of($good, '</structMap>') + 1],
    ['a nested investigation', 'TYPE="dataset"', 'TYPE="investigation"', 'document_invalid', line_of($good,
        'TYPE="dataset"')],
    ['a dataset outside the investigation', '</structMap>', '<div TYPE="dataset"/></structMap>',
        'document_invalid', line_of($good, '</structMap>')],
    ['no place', '<FLocat LOCTYPE="URL" xlink:href="tardis://raw/two"/>', '', 'document_invalid', $file_line],
    ['a place that is no URL', 'LOCTYPE="URL" xlink:href="tardis://raw/two"',
        'LOCTYPE="PURL" xlink:href="tardis://raw/two"', 'document_invalid', $file_line],
    ['too many references', 'ADMID="A-1"', 'ADMID="' . 'A-1 ' x 257 . '"', 'document_limit', $file_line - 1],
    ['too many sets in one techMD', '</s:datafile>', '</s:datafile>' . '<x/>' x 16, 'document_limit',
        line_of($good, 's:io')],
    ['a long title', 'Title', 'x' x 65536, 'document_limit', 5],
    ['a long name', 'OWNERID="two"', 'OWNERID="' . 'x' x 1025 . '"', 'document_limit', $file_line],
    ['a long media type', 'OWNERID="two"', 'MIMETYPE="' . 'x' x 256 . '"', 'document_limit', $file_line],
    ['a long parameter name', 's:io>5</s:io', 's:' . 'x' x 1025 . '>5</s:' . 'x' x 1025, 'document_limit',
        line_of($good, 's:io')],
    ['a long schema', 'http://example.org/s', 'http://example.org/' . 's' x 1024, 'document_limit',
        line_of($good, 's:io')],
    ['a long institution', 'Facility', 'x' x 401, 'document_limit', 3],
    ['METS of another namespace', 'http://www.loc.gov/METS/', 'http://www.loc.gov/METS/v2',
        'document_invalid'],
);
for my $case (@structure) {
    my ($name, $from, $to, $code, $line) = @$case;
    refused($name, with($good, $from, $to), $code, $line);
}
refused('no structMap at all', $good =~ s/<structMap>.*<\/structMap>\n//sr, 'document_invalid', undef,
    qr/investigation/);
refused('another format', '<html xmlns="http://www.w3.org/1999/xhtml"/>', 'document_invalid', undef,
    qr/`html`.*expected `mets`.*`experiment`/);
refused('no files', $good =~ s/<fileSec>.*<\/fileSec>\n|<fptr[^>]*>\n//gsr, 'manifest_empty');

# Paths.
my %paths = ('..' => 'a/../b', 'a leading ..' => '../b', 'an encoded ..' => 'a/%2e%2E/b', '.' => './b',
    'an absolute path' => '/etc/passwd',
    'nothing' => '', 'nothing but a scheme' => 'tardis://', 'an empty component' => 'a//b',
        'an encoded slash that empties one' => 'a/%2Fb',
    'a slash at the end' => 'a/', 'an encoded slash at the end' => 'a%2f', 'NUL' => 'a%00b',
        'a control character' => 'a%0Ab', 'DEL' => 'a%7fb',
    'a control character as such' => 'a&#10;b', 'C1' => 'a&#x9b;b', 'a backslash' => '..\\b',
        'an encoded backslash' => 'a%5Cb', 'bytes that are not UTF-8' => 'a%ffb',
    'an overlong slash' => 'a%c0%afb', 'a surrogate' => 'a%ed%a0%80b', 'a component of 256 bytes' => 'a/'
        . 'x' x 256, 'a path of 4096 bytes' => 'abcdefgh/' x 455 . 'x',
    'a host and no path' => 'http://host.example', '.. behind a host' => 'https://host.example/../x',
        '.. behind slashes' => 'file:////../x');
for my $name (sort keys %paths) {
    refused("a path with $name", with($good, 'tardis://raw/two', $paths{$name}), 'path_invalid', $file_line);
}
refused('one path twice', with($good, 'raw/two', 'raw/one'), 'path_invalid', $file_line, qr/two files/);
refused('one path twice, written in two ways', with($good, 'tardis://raw/two', 'file:///%72aw/on%65'),
    'path_invalid', $file_line, qr/two files/);
my %twins = ('in case' => ['raw/ONE', 'raw/one'], 'in the case of a directory' => ['Raw/one', 'raw/one'],
    'in the case of an encoded letter' => ['raw/%4Fne', 'raw/one'],
    'in the case of a letter with an accent' => ['raw/%C3%89', 'raw/%C3%A9']);
for my $name (sort keys %twins) {
    my ($second, $first) = @{$twins{$name}};
    refused("paths that differ only $name", with(with($good, 'raw/two', $second), 'raw/one', $first), 'path_invalid',
        $file_line, qr/differ only in upper and lower case/);
}
refused('a path through a file, but for case', with($good, 'raw/two', 'raw/ONE/two'), 'path_invalid', $file_line,
    qr/file and a directory/);
refused('a path through a file', with($good, 'raw/two', 'raw/one/two'), 'path_invalid', $file_line,
    qr/file and a directory/);
refused('a path that is a directory', with(with($good, 'raw/one', 'raw/two/x'), 'raw/two"', 'raw/two"'),
    'path_invalid', $file_line, qr/file and a directory/);

# notMETS.
refused('notMETS without a size', with($not_good, '<size>2</size>', ''), 'document_invalid', 6);
refused('notMETS with an unknown size', with($not_good, '<size>2</size>', '<size>unknown</size>'),
    'document_invalid', 6);
refused('notMETS with a bad path', with($not_good, '<name>two</name>', '<name>../../two</name>'),
    'path_invalid', 6);
refused('notMETS with one path twice', with($not_good, '<name>two</name>', '<name>one</name>'),
    'path_invalid', 6);
refused('notMETS with a file without path and name', with($not_good, '<name>two</name>', ''),
    'document_invalid', 6);
refused('notMETS without files', $not_good =~ s/<file>.*\n//gr, 'manifest_empty');
refused('notMETS that is cut', substr($not_good, 0, 120), 'document_malformed');

# XML itself.
my $secret = File::Temp->new;
print $secret 'a secret';
close $secret;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "listen: $!\n";
my $network = 'http://127.0.0.1:' . $listener->sockport;
my $after_declaration = "\n<mets";
my $doctype = sub { my ($what, $use) = @_; return with(with($good, $after_declaration,
    "\n<!DOCTYPE mets $what>$after_declaration"), 'Title', $use) };
my $laughs = '[<!ENTITY a "ha">' . join('', map { '<!ENTITY ' . chr(ord('a') + $_) . ' "' . ('&'
    . chr(ord('a') + $_ - 1) . ';') x 10 . '">' } 1 .. 9) . ']';
my $from_network = "[<!ENTITY % p SYSTEM \"$network/p\"> %p;]";
my %doctypes = ('an external DTD' => ["SYSTEM \"$network/x.dtd\"", 'Title'],
    'a public external DTD' => ["PUBLIC \"-//X//EN\" \"$network/x.dtd\"", 'Title'],
    'an external entity of the network' => ["[<!ENTITY x SYSTEM \"$network/x\">]", '&x;'],
    'a parameter entity of the network' => [$from_network, 'Title'],
    'a parameter entity that declares another' => ["[<!ENTITY % f SYSTEM \"file://$secret\"> "
        . "<!ENTITY % e \"<!ENTITY &#37; s SYSTEM '$network/?%f;'>\"> %e; %s;]", 'Title'],
    'an entity in an attribute' => ['[<!ENTITY x "y">]', 'Title</mods:title><x y="&x;"/><mods:title>'],
    'an entity that is itself' => ['[<!ENTITY x "&x;">]', '&x;'],
    'a DTD in a file' => ["SYSTEM \"file://$secret\"", 'Title'],
    'an external entity' => ["[<!ENTITY x SYSTEM \"file://$secret\">]", '&x;'],
        'a parameter entity' => ["[<!ENTITY % p SYSTEM \"file://$secret\"> %p;]", 'Title'],
    'an internal entity' => ['[<!ENTITY x "y">]', '&x;'], 'a billion laughs' => [$laughs, '&j;'],
        'a quadratic blowup' => ['[<!ENTITY x "' . 'y' x 50_000 . '">]', '&x;' x 1000],
    'an ATTLIST' => ['[<!ATTLIST file SIZE CDATA "1">]', 'Title'], 'nothing but a name' => ['', 'Title']);
for my $name (sort keys %doctypes) {
    my $result = refused("a DOCTYPE with $name", $doctype->(@{$doctypes{$name}}), 'document_invalid', 2,
        qr/DOCTYPE/);
    unlike($result->{text}, qr/secret/, 'and nothing was read');
}
refused('an entity that is not one of the five', with($good, 'Title', '&eacute;'), 'document_malformed', 5);
refused('XInclude', with($good, '</metsHdr>',
    qq{</metsHdr><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://$secret" parse="text"/><x>}), 'document_malformed');
refused('XInclude instead of a file', with($good, '<file ID="F-2"', '<xi:include '
    . qq{xmlns:xi="http://www.w3.org/2001/XInclude" href="$network/file.xml"/>\n<file ID="F-2"}) =~ s/SIZE="2"/SIZE="x"/r,
    'document_invalid', $file_line + 1);
refused('a schema and a style sheet of the network', with(with($good, "\n<mets ", qq{\n<?xml-stylesheet type="text/xsl" }
    . qq{href="$network/x.xsl"?><mets xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" }
    . qq{xsi:schemaLocation="http://www.loc.gov/METS/ $network/mets.xsd" }), 'SIZE="2"', 'SIZE="x"'), 'document_invalid',
    $file_line);
refused('nothing', '', 'document_malformed');
refused('white space', "\n\n", 'document_malformed');
refused('not XML', "PK\x03\x04 this is no document", 'document_malformed', 1);
refused('a wrong end tag', with($good, '</metsHdr>', '</metsHdx>'), 'document_malformed', 3);
refused('a prefix that is not declared', with($good, '<mods:abstract>', '<nods:abstract>'),
    'document_malformed');
refused('an attribute twice', with($good, 'SIZE="2"', 'SIZE="2" SIZE="3"'), 'document_malformed', $file_line);
refused('a control character', with($good, 'Title', "Ti\x01tle"), 'document_malformed', 5);
refused('a control character as a reference', with($good, 'Title', 'Ti&#1;tle'), 'document_malformed', 5);
refused('U+FFFF', with($good, 'Title', 'Ti&#xffff;tle'), 'document_malformed', 5);
refused('NUL', with($good, 'Title', "Ti\0tle"), 'document_malformed', 5);
refused('something after the end', "$good<x/>", 'document_malformed');
refused('elements nested 101 deep', with($good, '<s:io>5</s:io>', '<s:a>' x 96 . '</s:a>' x 96),
    'document_limit', line_of($good, 's:io'));
refused('elements nested 100,000 deep where nobody looks', with($good, '</metsHdr>', '<a>' x 100_000
    . '</a>' x 100_000 . '</metsHdr>'), 'document_limit', 3);
refused('elements nested 1,000,000 deep', with($good, '</metsHdr>', '<a>' x 1_000_000 . '</a>' x 1_000_000
    . '</metsHdr>'), 'document_limit', 3);
refused('a parameter nested 1,000,000 deep', with($good, '<s:io>5</s:io>', '<s:a>' x 1_000_000), 'document_limit',
    line_of($good, 's:io'));
refused('an attribute of 100 MB', with($good, 'OWNERID="two"', 'OWNERID="' . 'x' x 100_000_000 . '"'), 'document_limit');
refused('a huge attribute', with($good, 'OWNERID="two"', 'OWNERID="' . 'x' x 65_537 . '"'), 'document_limit',
    $file_line);
refused('an attribute of 12 MB', with($good, 'OWNERID="two"', 'OWNERID="' . 'x' x 12_000_000 . '"'),
    'document_limit');
refused('a text of 5 MB', with($good, 'Words', 'x' x 5_000_000), 'document_limit', 6);
refused('300 attributes', with($good, 'OWNERID="two"', join(' ', map { "a$_=\"\"" } 1 .. 300)),
    'document_limit', $file_line);
refused('a name of 60,000 bytes', with($good, '</metsHdr>', '</metsHdr><' . 'x' x 60_000 . '/>'),
    'document_limit');

refused('100,000 different names', with($good, '</metsHdr>', join('', map { "<name-of-an-element-$_/>" } 1 .. 100_000)
    . '</metsHdr>'), 'document_limit', 3, qr/too many different names/);

# Encodings.
refused('a byte that is not UTF-8', with($good, 'Title', "Ti\xfftle"), 'document_malformed', 5);
refused('an overlong form', with($good, 'Title', "Ti\xc1\x81tle"), 'document_malformed', 5);
refused('a surrogate', with($good, 'Title', "Ti\xed\xa0\x80tle"), 'document_malformed', 5);
refused('half a character', with($good, 'Title', "Ti\xc3"), 'document_malformed', 5);
refused('UTF-8 that says it is UTF-16', with($good, 'UTF-8', 'UTF-16'), 'document_malformed', 1);
refused('UTF-16 that says it is UTF-8', "\xff\xfe" . encode('UTF-16LE', $good), 'document_malformed');
refused('UTF-16 that says it is UTF-8, big end first', "\xfe\xff" . encode('UTF-16BE', $good), 'document_malformed');
refused('UTF-8 that says it is US-ASCII', encode_utf8(with(with($good, 'UTF-8', 'US-ASCII'), 'Title', "T\xeftle")),
    'document_malformed', 5);
refused('UTF-8 that says it is UCS-4', with($good, 'UTF-8', 'UCS-4'), 'document_malformed', 1);
refused('ISO-8859-1 that says it is UTF-8', encode('ISO-8859-1', with($good, 'Title', "T\xeftle")), 'document_malformed',
    5);
refused('UTF-16 that says it is ISO-8859-1', "\xff\xfe" . encode('UTF-16LE', with($good, 'UTF-8',
    'ISO-8859-1')), 'document_malformed');
refused('UTF-16 with half a pair', "\xff\xfe" . encode('UTF-16LE', with($good, 'UTF-8',
    'UTF-16')) =~ s/T\0i\0t\0/T\0\x00\xd8t\0/r, 'document_malformed');
refused('an encoding that nobody knows', with($good, 'UTF-8', 'X-NONE'), 'document_malformed', 1);

# A line number beyond 65535, and the first error of many.
refused('an error at line 70005', with($good, "\n<metsHdr>", "\n" x 70_001 . '<metsHdr>') =~ s/Title/&x;/r,
    'document_malformed', 70_005);
refused('a bad size far down', with(with($good, "\n<metsHdr>", "\n" x 200_001 . '<metsHdr>'), 'SIZE="2"',
    'SIZE="x"'), 'document_invalid', 200_000 + $file_line);

# Cut anywhere.
my @cuts = (1 .. 60, map { 61 + $_ * 37 } 0 .. (length($good) - 62) / 37);
my @wrong = grep { ($ingest->register(substr($good, 0, $_), 'tardis.1',
    'https://provider.example')->{code} // '') ne 'document_malformed' } grep { $_ < length($good) - 1 } @cuts;
is("@wrong", '', scalar(@cuts) . ' cuts of a document are all refused');
is($ingest->rows, 0, 'and nothing remains of any');

# And around every boundary of the buffers of libxml2, of which the greatest has 4000 bytes, and of ours.
my $files = 4_000;
my $large = with($good, '</fileGrp>', join('', map { "<file ID=\"X-$_\" SIZE=\"1\" OWNERID=\"$_\">"
    . "<FLocat LOCTYPE=\"URL\" xlink:href=\"tardis://more/$_\"/></file>\n" } 1 .. $files) . '</fileGrp>');
$large = with($large, '<fptr FILEID="F-1"/>', join('', map { "<fptr FILEID=\"X-$_\"/>" } 1 .. $files)
    . '<fptr FILEID="F-1"/>');
my @boundaries = grep { $_ < length($large) - 1 } map { my $size = $_; map { ($size * $_ - 1, $size * $_,
    $size * $_ + 1) } 1 .. 3, int(length($large) / $size) } 4000, 4096, 8192, 16384, 32768, 65536, 131_072;
@wrong = grep { ($ingest->register(substr($large, 0, $_), 'tardis.1', 'https://provider.example')->{code} // '')
    ne 'document_malformed' } @boundaries;
is("@wrong", '', scalar(@boundaries) . ' cuts of a document of ' . length($large) . ' bytes are all refused');
is($ingest->rows, 0, 'and nothing remains of any');

# Nobody was asked for anything.
my @connected = IO::Select->new($listener)->can_read(0);
is(scalar(@connected), 0, 'none of all these documents made a connection');
my $visitor = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport);
@connected = IO::Select->new($listener)->can_read(10);
is(scalar(@connected), 1, 'and one would have been seen');

# What comes with the document.
my %arguments = ('an empty uid' => ['', 'https://p.example', 'uid_invalid'], 'a uid with a slash' => ['a/b',
    'https://p.example', 'uid_invalid'],
    'a long uid' => ['x' x 256, 'https://p.example', 'uid_invalid'],
        "a provider's URL that is none" => ['tardis.1', 'ftp://p.example', 'form_invalid'],
    "a long provider's URL" => ['tardis.1', 'https://p.example/' . 'x' x 255, 'form_invalid']);
for my $name (sort keys %arguments) {
    my ($uid, $url, $code) = @{$arguments{$name}};
    is($ingest->register($good, $uid, $url)->{code} // 'accepted', $code, "$name: $code");
}
is($ingest->register($good, 'tardis.1', 'https://p.example', "a\nb")->{code}, 'form_invalid',
    'an owner with a line break');
is($ingest->register_file('/nonexistent/x.xml')->{code}, 'io_error', 'a document that is not there');
is($ingest->rows, 0, 'and nothing remains');

# Odd, but good.
sub title_of { return ($ingest->sql('SELECT title FROM experiment WHERE id = ?', $_[0]{id} // 0))[0][0] }
my $accented = with($good, 'Title', "T\xeftl\xe9");
is(title_of($ingest->register("\xff\xfe" . encode('UTF-16LE', with($accented, 'UTF-8', 'UTF-16')))),
    "T\xeftl\xe9", 'UTF-16, little end first');
is(title_of($ingest->register("\xfe\xff" . encode('UTF-16BE', with($accented, 'UTF-8', 'UTF-16')))),
    "T\xeftl\xe9", 'UTF-16, big end first');
is(title_of($ingest->register(encode('ISO-8859-1', with($accented, 'UTF-8', 'ISO-8859-1')))), "T\xeftl\xe9",
    'ISO-8859-1');
is(title_of($ingest->register("\xef\xbb\xbf" . encode_utf8($accented))), "T\xeftl\xe9",
    'UTF-8 with a byte order mark');
is(title_of($ingest->register(encode_utf8($accented =~ s/^.*?\n//r))), "T\xeftl\xe9",
    'UTF-8 without a declaration');
is($ingest->register(with($good, 'Words', 'x' x 1_000_000))->{outcome}, 'created', 'a text of 1 MB');
is($ingest->register(with($good, 'Words', '<!--' . 'x' x 12_000_000 . '-->'))->{outcome}, 'created',
    'a comment of 12 MB, which is not held');
is($ingest->register($good =~ s/<fileSec>.*<\/fileSec>\n|<fptr[^>]*>\n//gsr, 'allow-empty')->{outcome},
    'created', 'no files, where that is allowed');
is($ingest->register(with($good, '</structMap>',
    '</structMap><structMap><div TYPE="physical"><fptr FILEID="F-1"/></div></structMap>'))->{outcome},
    'created',
    'another structMap that has the files in its own order');

done_testing;
