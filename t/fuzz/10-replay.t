# Nothing of the fuzz targets' corpus is a finding. What is called good- there is accepted, what is called bad- is refused.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $source = $ENV{TARDIS_SOURCE_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
my $replay = ($ENV{TARDIS_BUILD_DIR} // $source) . '/t/fuzz/replay';
my @targets = qw(urlencoded multipart registry site_settings status mets notmets);

opendir(my $dir, "$source/t/fuzz/corpus") or die "$source/t/fuzz/corpus: $!\n";
is_deeply([sort grep { !/^\./ } readdir $dir], [sort @targets], 'every target has a corpus');
for my $target (@targets) {
    my @files = glob "$source/t/fuzz/corpus/$target/*";
    my $pid = open(my $out, '-|', $replay, $target, @files) // die "$replay: $!\n";
    my @done = grep { /^ok / } <$out>;
    close $out;
    is($?, 0, "$target: no finding") or diag('after ' . ($done[-1] // 'nothing'));
    is(scalar @done, scalar @files, "$target: all " . @files . ' files were read');
    my @wrong = grep { !m{/good-\S+: accepted$} && !m{/bad-\S+: refused$} } @done;
    is("@wrong", '', "$target: each is what its name says");
}
done_testing;
