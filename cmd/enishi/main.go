// Command enishi is the server and its client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Serve       serveCommand       `cmd:"" help:"Run the server, with everything embedded unless the configuration names servers."`
	Import      importCommand      `cmd:"" help:"Bring data in through the topics of a running server."`
	Pull        pullCommand        `cmd:"" help:"Look now for the files of a pull, and say what came: files that come by themselves (docs/imports.md)."`
	MoveIn      moveInCommand      `cmd:"" name:"move-in" help:"Move in from another tool: take the files of its export in, refusals first. Sending is turned off and stays so."`
	Status      statusCommand      `cmd:"" help:"Show what a running server holds and how far it is."`
	Key         keyCommand         `cmd:"" help:"Manage keys of a running server."`
	Clock       clockCommand       `cmd:"" help:"Show the clock, or let it run again after a replay."`
	Check       checkCommand       `cmd:"" help:"Check a configuration file and definition files."`
	Apply       applyCommand       `cmd:"" help:"Save definition files (JSON or YAML) in a running server."`
	Diff        diffCommand        `cmd:"" help:"Show what apply would change in a running server. Exit code 1 when it would."`
	Export      exportCommand      `cmd:"" help:"Write the definitions of a running server as files of apply."`
	ExportTable exportTableCommand `cmd:"" name:"export-table" help:"Write whole tables as Parquet, CSV or JSON lines: to a file, a folder, or a place of the server."`
	Test        testCommand        `cmd:"" help:"Run scenarios: made-up people through journeys, without a server."`
	Simulate    simulateCommand    `cmd:"" help:"Try a journey on people's real past: who would have entered, been sent what, and why not. Nothing is sent."`
	Segment     segmentCommand     `cmd:"" help:"Check, count, list and explain segments."`
	List        listCommand        `cmd:"" help:"Show static lists, and put people on them."`
	Render      renderCommand      `cmd:"" help:"Print a template as a person would get it."`
	SendTest    sendTestCommand    `cmd:"" name:"send-test" help:"Send a template to a list of testers as a person would get it."`
	Line        lineCommand        `cmd:"" help:"Show the LINE official accounts and compare their friends with LINE."`
	Postal      postalCommand      `cmd:"" help:"Direct mail by post."`
	Sending     sendingCommand     `cmd:"" help:"Say what may leave: status, stop, resume, cancel, off, on."`
	Decisions   decisionsCommand   `cmd:"" help:"Say why a person was sent something, or was not: one sentence each, the newest first."`
	Deliveries  deliveriesCommand  `cmd:"" help:"List the sender's ledger."`
	Hold        holdCommand        `cmd:"" help:"Keep marketing from one person, until a day or until released."`
	Consents    consentsCommand    `cmd:"" help:"List every permission that a person gave or withdrew, with the evidence."`
	Tail        tailCommand        `cmd:"" help:"Print records of a topic as JSON."`
	Bounce      bounceCommand      `cmd:"" help:"Hand a mail that came back to a running server (standard input)."`
	Sources     sourcesCommand     `cmd:"" help:"Show the systems that call us, and how they are."`
	Debug       debugCommand       `cmd:"" help:"Show what a browser sends: each call as it comes, and what becomes of it."`
	Shopify     shopifyCommand     `cmd:"" help:"Work with a Shopify shop."`
	Audience    audienceCommand    `cmd:"" help:"Lists at advertising platforms that follow segments: list, show, sync, disclosures."`
	Stream      streamCommand      `cmd:"" help:"Changes that leave for other systems: list, status, pause, resume, replay, test, key."`
	WebhookKey  webhookKeyCommand  `cmd:"" name:"webhook-key" help:"Print the key by which the receivers of webhooks check the signature."`
	DKIM        dkimCommand        `cmd:"" name:"dkim" help:"Keys that sign mail."`

	Version kong.VersionFlag `help:"Print the version."`
}

// streams are where a command reads and writes.
type streams struct {
	out, err io.Writer
	environ  func() []string
	in       io.Reader
}

// japanese tells whether the environment's locale asks for Japanese.
func (s streams) japanese() bool {
	found := map[string]string{}
	for _, x := range s.environ() {
		name, value, _ := strings.Cut(x, "=")
		found[name] = value
	}
	for _, name := range [...]string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := found[name]; v != "" {
			return strings.HasPrefix(strings.ToLower(v), "ja")
		}
	}
	return false
}

func main() { os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr, os.Environ, os.Stdin})) }

// run executes one command line and gives the exit code: 0 done, 1 failed, 2 wrong usage, or that of an
// exitError.
func run(args []string, s streams) int {
	var c cli
	code := -1
	parser, err := kong.New(&c, kong.Name("enishi"), kong.Description("Enishi: customer data and journeys for shops."), kong.Writers(s.out, s.err),
		kong.Exit(func(n int) { code = n }), kong.Vars{"version": version()}, kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(s.err, "enishi:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if code >= 0 {
		return code
	}
	if err != nil {
		fmt.Fprintln(s.err, "enishi:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(s); err != nil {
		fmt.Fprintln(s.err, "enishi:", err)
		if e := (exitError{}); errors.As(err, &e) {
			return e.code
		}
		return 1
	}
	return 0
}

// version is the build's version control revision, or dev.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "dev"
}

func newLog(cfg LogConfig, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		return nil, fmt.Errorf("config: log.level: %q is not debug, info, warn or error", cfg.Level)
	}
	opt := &slog.HandlerOptions{Level: level}
	switch cfg.Format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opt)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opt)), nil
	}
	return nil, fmt.Errorf("config: log.format: %q is neither text nor json", cfg.Format)
}
