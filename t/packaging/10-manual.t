# The manual pages are whole and true: every directive, option of a configuration file with its default, command,
# command-line option and error is there, none that does not exist is, and the pages render without a warning.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use Cwd qw(abs_path);
use IPC::Open3;
use Symbol qw(gensym);
use Test::More;
use Testbed;

my $source = abs_path("$FindBin::RealBin/../..");
my $build = $ENV{TARDIS_BUILD_DIR} // $source;

subtest "directives of $_" => sub { directives($_) } for qw(mod_tardis_provider mod_tardis_consumer);
subtest "options of $_.conf" => sub { options($_) } for qw(provider consumer);
subtest "commands of $_" => sub { commands($_) } for qw(tardis-provider tardis-consumer);
subtest 'errors' => \&errors;
subtest 'rendering' => \&rendering;
done_testing;

sub directives {
    my ($module) = @_;
    my $page = slurp("$source/man/$module.8");
    my @documented = sort $page =~ /^\.It Cm (Tardis\w+)/mg;
    my $code = slurp("$source/$module/directives.c");
    my @existing = sort $code =~ /AP_INIT_\w+\(\s*"(Tardis\w+)"/g;
    ok(@existing > 3, 'there are directives');
    is_deeply(\@documented, \@existing, 'each is in the page, and no other');
}

sub options {
    my ($side) = @_;
    my $page = slurp("$source/man/tardis-$side.conf.5");
    my %documented = $page =~ /^\.It Cm (\w+)(?: No = (.*)|(?= ?Qo| |$).*)$/mg;
    $_ = (defined $_ ? $_ : '') =~ s/^Qq (?:Pa )?//r =~ s/^\{\}$//r for values %documented;
    my $header = slurp("$source/libtardis/tardis_command.h");
    my ($common) = $header =~ /#define TARDIS_COMMON_OPTIONS(.*?)\n\n/s;
    my %existing;
    my $tables = $common . slurp("$source/tardis-$side/settings.c");
    while ($tables =~ /\{"(\w+)", TARDIS_OPTION_\w+, (NULL|TARDIS_\w+DIR "[^"]*"|"[^"]*")/g) {
        my ($name, $default) = ($1, $2);
        $default = '' if $default eq 'NULL';
        $existing{$name} = $default =~ s{^TARDIS_SYSCONFDIR }{/etc/tardis}r
            =~ s{^TARDIS_DATADIR }{/usr/share/tardis}r =~ s/"//gr;
    }
    ok(keys %existing > 10, 'there are options');
    is_deeply(\%documented, \%existing, 'each is in the page with its default, and no other');
}

sub commands {
    my ($program) = @_;
    my $page = slurp("$source/man/$program.1");
    my @documented = sort $page =~ /^\.It Cm ((?:(?:schema|config|key) )?[a-z]+)\b/mg;
    my %documented_option = map { $_ => 1 } map { s/\\-/-/gr } $page =~ /\bFl \\-([a-z-]+(?:\\-[a-z]+)*)/g;
    my ($help) = run("$build/$program/$program", '--help');
    my ($list, $global) = $help =~ /^Commands:\n(.*?)^Options:\n(.*?)^$/ms;
    my @existing = sort map { /^  ((?:(?:schema|config|key) )?[a-z]+)\b/ } split /\n/, $list // '';
    ok(@existing > 5, 'there are commands') or diag($help);
    is_deeply(\@documented, \@existing, 'each is in the page, and no other');
    my %existing_option = map { $_ => 1 } ($global // '') =~ /^  --([a-z-]+)/mg;
    for my $command (@existing) {
        my ($text) = run("$build/$program/$program", split(/ /, $command), '--help');
        like($text, qr/^Usage: \Q$program\E.* \Q$command\E/, "$command has a help");
        my ($entry) = $page =~ /^\.It Cm \Q$command\E\b(.*)$/m;
        for my $option ($text =~ /^  --([a-z-]+)/mg) {
            $existing_option{$option} = 1;
            next if $option eq 'help';
            my $written = $option =~ s/-/\\-/gr;
            like($page, qr/Fl \\-(?:\Q$option\E|\Q$written\E)\b/, "$command --$option is in the page");
        }
    }
    $existing_option{$_} = 1 for qw(help version);
    is_deeply([grep { !$existing_option{$_} } sort keys %documented_option], [], 'no option is that does not exist');
}

sub errors {
    my $page = slurp("$build/man/tardis-errors.7");
    my ($enum) = slurp("$source/libtardis/tardis_error.h") =~ /typedef enum \{(.*?)\} tardis_error_code_t/s;
    my @existing = sort map { lc } $enum =~ /^\s*TARDIS_(?!ERROR_CODES)(\w+),/mg;
    my @documented = sort $page =~ /^\.It Li (\w+)$/mg;
    ok(@existing > 50, 'there are errors');
    is_deeply(\@documented, \@existing, 'each is in the page, and no other');
    is(scalar(() = $page =~ /^\.It Li \w+\n\((?:the|this) \w+; [^)]*\)\n\S.*\.$/mg), scalar(@existing), 'with an advice');
}

sub rendering {
    my @pages = (glob("$source/man/*.[1-8]"), "$build/man/tardis-errors.7");
    ok(@pages >= 7, 'there are pages');
    for my $page (@pages) {
        my ($out, $err) = run('groff', '-Tutf8', '-mandoc', '-ww', $page);
        is($err, '', "no warning: $page");
        unlike($out, qr/\bUnknown\b|LOCAL$/, 'nothing unknown to the macros');
    }
}

sub run {
    my (@command) = @_;
    my $pid = open3(my $in, my $out, my $err = gensym, @command);
    close $in;
    local $/;
    my ($text, $problems) = (scalar <$out>, scalar <$err>);
    waitpid($pid, 0);
    return ($text // '', $problems // '');
}

sub slurp {
    my ($name) = @_;
    open(my $file, '<', $name) or die "$name: $!\n";
    local $/;
    return <$file>;
}
