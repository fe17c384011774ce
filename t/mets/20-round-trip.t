# Import of an export gives the same catalogue, byte for byte of every value, for generated experiments; every
# export validates against the METS schema where that is at hand (TARDIS_SAMPLES/schema, or
# ../shared/samples/schema beside the source).
# TARDIS_ROUND_TRIPS sets how many; TARDIS_SEED repeats a run.

use strict;
use warnings;
use utf8;
use Cwd qw(abs_path);
use Encode qw(encode_utf8);
use File::Basename qw(dirname);
use List::Util qw(shuffle sum0);
use Test::More;
use Ingest;

my $source = $ENV{TARDIS_SOURCE_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
my $schema = ($ENV{TARDIS_SAMPLES} // "$source/../shared/samples") . '/schema';
my $rounds = $ENV{TARDIS_ROUND_TRIPS} // 50;
my $seed = $ENV{TARDIS_SEED} // int(rand(2**31));
my @digests = (['MD5', 32], ['SHA-1', 40], ['SHA-256', 64], ['SHA-384', 96], ['SHA-512', 128]);
my @protocols = (undef, 'file', 'vbl', 'gsiftp', 'https');
my @pieces = ('a', 'Z', '0', ' ', '  ', '&', '<', '>', '"', "'", ']]>', "\t", "\n", "\r", "\r\n", '%', '%41',
    '#', '?', ':', '+', '{',
    "\x{a0}", "\x{e9}", "e\x{301}", "\x{416}", "\x{4e2d}", "\x{1f52d}", "\x{2028}", "\x{fffd}", "\x{10ffff}",
        '&amp;', '<!--', '\\');

srand($seed);
note("seed $seed");
my $ingest = Ingest->new;

sub text { my ($most) = @_; return join('', map { $pieces[rand @pieces] } 1 .. int(rand($most + 1))) }
sub escape { return $_[0] =~ s/([&<>"'\t\n\r])/'&#' . ord($1) . ';'/ger }
sub component { return (text(6) =~ s/[\t\r\n\\\/]|\x{2028}//gr =~ s/^\.+$//r) . 'f' }
sub hex_digits { return join('', map { sprintf('%x', rand 16) } 1 .. $_[0]) }

# Parameters below an element, nested ones too: markup, and how many values there are in it.
sub parameters {
    my ($depth, $most) = @_;
    my ($markup, $count) = ('', 0);
    for (1 .. int(rand($most + 1))) {
        my $name = ('p', 'q', "r\x{e9}s", 'x-1.y')[rand 4];
        my ($inner, $values) = $depth < 4 && rand() < 0.2 ? parameters($depth + 1, 3) : (undef, 0);
        $inner = escape(rand() < 0.3 ? sprintf('%g', rand(1e6) - 5e5) : text(20)) if !$values;
        $markup .= "<s:$name>$inner</s:$name>";
        $count += $values || 1;
    }
    return ($markup, $count);
}

# A METS document, and what has to be found in the catalogue.
sub generate {
    my ($files) = @_;
    my %made = (title => text(40), values => 0);
    my $datasets = 1 + int(rand(6));
    my @sets = map { "m$_" } 1 .. int(rand(12));
    my $some = sub { my @ids = grep { rand() < 0.3 } @sets; return @ids ? ' ADMID="' . join(' ', shuffle @ids)
        . '"' : '' };
    my $mods = sub { return qq{<dmdSec ID="$_[0]"><mdWrap MDTYPE="MODS"><xmlData><mods:mods>$_[1]</mods:mods>$_[2]</xmlData></mdWrap></dmdSec>\n} };
    my $title = sub { return '<mods:titleInfo><mods:title>' . escape($_[0])
        . '</mods:title></mods:titleInfo>' };
    my $document = qq{<?xml version="1.0" encoding="UTF-8"?>\n<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"}
        . qq{ xmlns:mods="http://www.loc.gov/mods/v3">\n};
    $document .= '<metsHdr><agent ROLE="DISSEMINATOR" TYPE="ORGANIZATION"><name>' . escape(text(20))
        . "</name></agent></metsHdr>\n" if rand() < 0.8;
    my $more = rand() < 0.8 ? '<mods:abstract>' . escape(text(300)) . '</mods:abstract>' : '';
    $more .= '<mods:relatedItem><mods:location><mods:url>' . escape(text(10))
        . '</mods:url></mods:location></mods:relatedItem>' if rand() < 0.5;
    $more .= join('', map { '<mods:name><mods:namePart>' . escape(text(10))
        . '</mods:namePart><mods:role><mods:roleTerm>author</mods:roleTerm></mods:role></mods:name>' } 1 .. rand(4));
    my $dates = rand() < 0.5 ? '<d:tardis xmlns:d="http://tardisdates.com/"><d:startTime>' . escape(text(3))
        . '</d:startTime></d:tardis>' : '';
    $document .= $mods->('e', $title->($made{title}) . $more, $dates);
    $document .= $mods->("d$_", $title->(text(20)), '') for 1 .. $datasets;
    $document .= '<amdSec>';
    for my $set (@sets) {
        my ($markup, $count) = parameters(0, 8);
        my $uri = escape(rand() < 0.2 ? '' : 'http://example.org/' . component() =~ s/[^\x21-\x7e]//gr);
        my $declaration = $uri eq '' ? '' : qq{ xmlns:s="$uri"};
        $markup =~ s/(<\/?)s:/$1/g if $uri eq '';
        my $root = $uri eq '' ? 'set' : 's:set';
        $document .= qq{<techMD ID="$set"><mdWrap MDTYPE="OTHER"><xmlData><$root$declaration } . ($uri eq ''
            ? 'xmlns=""' : '') . qq{>$markup</$root></xmlData></mdWrap></techMD>\n};
        $made{values} += $count;
    }
    $document .= "</amdSec>\n<fileSec><fileGrp>";
    my %in;
    for my $file (1 .. $files) {
        my ($type, $length) = @{$digests[rand @digests]};
        my $digest = rand() < 0.9 ? qq{ CHECKSUMTYPE="$type" CHECKSUM="} . hex_digits($length) . '"' : '';
        my $name = rand() < 0.7 ? ' OWNERID="' . escape('n' . text(20)) . '"' : '';
        my $media = rand() < 0.5 ? ' MIMETYPE="' . escape(text(5)) . '"' : '';
        my $path = join('/', (map { component() } 1 .. rand(3)), component() . ".$file");
        my $href = escape('tardis://'
            . encode_utf8($path) =~ s/([^A-Za-z0-9.\/])/sprintf('%%%02x', ord($1))/ger);
        my $size = rand() < 0.1 ? int(rand(2**62) / ($files + 1)) : int(rand(100));
        $document .= qq{<file ID="f$file" SIZE="$size"$digest$name$media} . $some->()
            . qq{><FLocat LOCTYPE="URL" xlink:href="$href"/></file>\n};
        push @{$in{1 + int(rand($datasets))}}, $file;
    }
    $document .= qq{</fileGrp></fileSec>\n<structMap><div TYPE="investigation" DMDID="e"} . $some->() . '>';
    for my $dataset (1 .. $datasets) {
        $document .= qq{<div TYPE="dataset" DMDID="d$dataset"} . $some->() . '>' . join('',
            map { qq{<fptr FILEID="f$_"/>} } shuffle @{$in{$dataset} // []}) . "</div>\n";
    }
    return ($document . "</div></structMap></mets>\n", \%made);
}

sub validate {
    my ($bytes) = @_;
    my $file = $ingest->file($bytes);
    local $ENV{XML_CATALOG_FILES} = "$schema/catalog.xml";
    open(my $out, '-|', "xmllint --nonet --noout --schema '$schema/mets.xsd' '$file' 2>&1")
        or return "xmllint: $!";
    local $/;
    my $text = <$out>;
    return close($out) ? '' : $text;
}

my $has_schema = -e "$schema/mets.xsd" && system('xmllint --version >/dev/null 2>&1') == 0;
note('exports are not validated: no METS schema, or no xmllint') if !$has_schema;
for my $round (1 .. $rounds) {
    my $files = $round == 1 ? 0 : $round == 2 ? 300 : int(rand(2) ** 2 * 40);
    my ($document, $made) = generate($files);
    my $first = $ingest->register(encode_utf8($document), 'allow-empty');
    my $file_count = $first->{files} // -1;
    if (!is($file_count, $files, "round $round: $files files are stored")) {
        diag("line $first->{line}: $first->{text}\nseed $seed\n", (split(/^/,
            encode_utf8($document)))[$first->{line} - 1]);
        last;
    }
    my ($title,
        $values) = @{($ingest->sql('SELECT title, (SELECT COUNT(*) FROM parameter WHERE experiment_id = id) FROM experiment WHERE id = ?', $first->{id}))[0]};
    is($title, $made->{title}, 'with the title');
    is($values, $made->{values}, 'and all parameters');
    my $export = $ingest->write($first->{id}, grep { defined } $protocols[$round % @protocols]);
    my $second = $ingest->register($export, 'allow-empty');
    my ($before, $after) = map { $ingest->catalogue($_->{id}) } $first, $second;
    ok($before eq $after, 'and come back the same') or diag("seed $seed, round $round: ",
        $second->{text} // '', "\n", difference($before, $after));
    is(validate($export), '', 'and the export is valid METS') if $has_schema;
}

sub difference {
    my ($left, $right) = map { [split(/\n/, $_)] } @_;
    for my $i (0 .. $#$left) {
        return "$left->[$i]\n" . ($right->[$i] // 'nothing') if $left->[$i] ne ($right->[$i] // '');
    }
    return 'more lines than before';
}

done_testing;
