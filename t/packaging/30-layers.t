# The code keeps to its layers: each C library has one owner, SQL stands in one kind of file, the library knows nothing
# of httpd and exports its own names only, its headers stand alone and document every function.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Cwd qw(abs_path);
use Test::More;

my $source = abs_path("$FindBin::RealBin/../..");
my $build = $ENV{TARDIS_BUILD_DIR} // $source;
my @folders = qw(libtardis mod_common mod_tardis_provider mod_tardis_consumer tardis-provider tardis-consumer);
my %text = map { my $file = $_; (substr($file, length($source) + 1) => slurp($file)) }
    map { glob("$source/$_/*.[ch]") } @folders;
ok(keys %text > 50, 'there is code');

my %owner = (
    'MySQL' => [qr/mysql\.h/, qr{^libtardis/(?:db|db_\w+)\.[ch]$}],
    'curl' => [qr{curl/}, qr{^libtardis/http(?:_\w+)?\.[ch]$}],
    'libxml2' => [qr{libxml/}, qr{^libtardis/xml_\w+\.[ch]$}],
    'OpenSSL' => [qr{openssl/}, qr{^libtardis/digest(?:_\w+)?\.[ch]$}],
    'libconfuse' => [qr/confuse\.h/, qr{^libtardis/config(?:_\w+)?\.[ch]$}],
    'httpd' => [qr/(?:httpd|http_\w+|ap_\w+|util_\w+|mod_\w+)\.h/, qr{^mod_}],
);
for my $library (sort keys %owner) {
    my ($header, $files) = @{$owner{$library}};
    my @users = grep { $text{$_} =~ /^\s*#\s*include\s*<$header/m } sort keys %text;
    ok(@users, "$library is used");
    none([grep { !/$files/ } @users], "$library is included by its owner only");
}

my $statement = qr/"\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO|START TRANSACTION)\b/;
none([grep { $text{$_} =~ $statement && !m{^libtardis/(?:\w+_db|db|db_\w+|\w+_rows|schema|schema_\w+)\.[ch]$} } sort keys %text], 'SQL stands in the files for it');

subtest 'exports' => sub {
    my @names = map { (split)[2] } grep { / [TDBRV] / } `nm -D --defined-only $build/libtardis/.libs/libtardis.so`;
    ok(@names > 30, 'the library exports something');
    none([grep { !/^tardis_/ } @names], 'nothing but tardis_*');
};

subtest 'headers' => sub {
    for my $file (grep { m{^libtardis/tardis_\w+\.h$} } sort keys %text) {
        my $bare = $text{$file} =~ s{/\*.*?\*/}{ /**/ }gsr;
        like($text{$file}, qr{\A/\*\*\n \* \@file}, "$file says what it is for");
        my @undocumented;
        my ($documented, $before) = (0, 0);
        for my $line (split /\n/, $bare) {
            my $prototype = $line =~ /^[a-z]\w*[\w\s*]*\b(tardis_\w+)\(/ && $line !~ /^(?:typedef|static)/;
            push @undocumented, $line if $prototype && !$documented && $line !~ m{/\*\*/};
            $documented = 1 if $line =~ m{/\*\*/};
            $documented = 0 if $line =~ /^\s*$/;
        }
        none(\@undocumented, "$file documents every function");
    }
};

subtest 'sizes' => sub {
    my @long = grep { ($text{$_} =~ tr/\n//) > 450 } sort keys %text;
    none(\@long, 'no file of more than 450 lines');
    my @open = grep { $text{$_} =~ /\b(?:TODO|FIXME|XXX)\b/ } sort keys %text;
    none(\@open, 'nothing left open');
    none([map { my $file = $_; map { "$file: $_" } long_functions($text{$file}) } sort keys %text],
        'no function of 60 lines or more');
    none([grep { $text{$_} =~ /\t|[ \t]$/m } sort keys %text], 'no tab and no blank at the end of a line');
};

# What is told once for the process: that a signal came, and that libraries were started.
subtest 'state' => sub {
    my @objects = grep { -e } "$build/libtardis/.libs/libtardis.so",
        map({ "$build/$_/.libs/$_" } qw(tardis-provider tardis-consumer)),
        map({ "$build/$_/.libs/$_.so" } qw(mod_tardis_provider mod_tardis_consumer));
    is(scalar @objects, 5, 'what is built');
    return if grep { /asan|ubsan/ } `nm -D $objects[0]`; # which have their own
    my @variables = map { / [bBC] (\w+)/ ? $1 : () } map { `nm $_` } @objects;
    none([grep { !/^(?:interrupted|started|completed|__\w+|_end|std(?:in|out|err))$/ } @variables],
        'no other variable at file scope');
    ok((grep { $_ eq 'interrupted' } @variables), 'the known ones are found');
};

subtest 'tests' => sub {
    my $list = slurp("$source/t/local.mk");
    my @tests = map { substr($_, length($source) + 1) } glob("$source/t/*/*.t");
    ok(@tests, 'there are tests');
    none([grep { $list !~ /^\s*\Q$_\E(?: \\)?$/m } @tests], 'make check knows each');
};

done_testing;

# ($text): the functions that have too many lines, by their first one.
sub long_functions {
    my ($text) = @_;
    my ($first, $length, @long) = ('', undef);
    for my $line (split /\n/, $text) {
        push @long, $first if $line eq '}' && defined $length && $length >= 60;
        $first = $line if $line =~ /^\w/;
        $length = $line eq '{' ? 0 : $line eq '}' ? undef : defined $length ? $length + 1 : undef;
    }
    return @long;
}

# ($list, $name): passes if the list is empty, and shows it if it is not.
sub none {
    my ($list, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join("\n", @$list), '', $name);
}

sub slurp {
    my ($name) = @_;
    open(my $file, '<', $name) or die "$name: $!\n";
    local $/;
    return <$file>;
}
