//go:build !release

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
)

// sandboxHelp is the sandbox's line in the program's help.
const sandboxHelp = "  rekey sandbox --demo FAL_KEY       try it on this machine; nothing outside is touched\n"

const sandboxUsage = `rekey sandbox runs a world on this machine and the bot inside it. Nothing outside is touched.

  rekey sandbox                       run until a signal; prints the addresses
  rekey sandbox --with NAME,NAME      the same, with more secrets to rotate by hand; all: every one
  rekey sandbox --demo NAME           play one rotation with scripted people
  rekey sandbox --demo all            play every secret's at once

  --emergency      with --demo: the keys have leaked, and people type /rotate-emergency
  --revoke-first   with --demo NAME --emergency: the old key ends before there is a new one
  --rollback       with --demo NAME: instead of approving, people type /rotate rollback; everything must be as it was
  --drill          with --demo NAME: a canary's emergency is rehearsed
  --slack-down     with --demo NAME --emergency: Slack is away, and people sign on the command line
  --root           with --demo TRIGGER_API_KEY: the application uses root keys, which live on for a day
  --files FOLDER   with --emergency: keep the files of the exposure audits there
  --json           with --demo: the last line is one JSON object
  --redis URL      use this Redis server instead of the embedded one
  --speed N        multiply the speed of everything (default 1)
  --plant FAULT    with --demo NAME: leak, early-revoke or no-approval; the run must then end badly.
                   revive: the dead key comes back to life; the run ends badly unless the bot calls people and ends it again

`

// sandboxManual is the help, with the names that may be played.
func sandboxManual() string {
	return sandboxUsage + "NAME is one of " + strings.Join(playable(), ", ") + ".\n"
}

// sandboxOptions are the command line of the sandbox.
type sandboxOptions struct {
	demo  string
	json  bool
	redis string
	speed float64
	plant string
	// emergency has the scripted people cry for help.
	emergency bool
	// rollback has them go back to the old key instead of approving its end.
	rollback bool
	// drill has them rehearse it, on a canary.
	drill bool
	// revokeFirst has them end the old key before there is a new one.
	revokeFirst bool
	// slackDown takes Slack away before they can type anything there.
	slackDown bool
	// line lets people sign on the command line. It has no flag.
	line bool
	// files is a folder into which the files of audits are written.
	files string
	// also are secrets that the world holds besides those it always does; the
	// one that is played is among them by itself.
	also []string
	// ownRedisToken lets the application run on its databases' own credentials.
	ownRedisToken bool
	// oneMedia gives both environments the same key of R2.
	oneMedia bool
	// notMigrated leaves Supabase's projects with their legacy JWT secrets.
	notMigrated bool
	// legacySupabase has the application begin with legacy keys.
	legacySupabase bool
	// oneSocial gives both environments the same account at Ayrshare.
	oneSocial bool
	// ownMemory says that the application uses a Mem0 server of one's own.
	ownMemory bool
	// noLangfuseAPI is a plan of Langfuse's without the API for keys.
	noLangfuseAPI bool
	// chainPortal has the bot make keys at Helius with a portal's token.
	chainPortal bool
	// oneChainKey is a plan of Helius's with one key for each project.
	oneChainKey bool
	// rootJobs has the application use the root keys of Trigger.dev.
	rootJobs bool
	// byHand says that people act on the page, not a script.
	byHand bool
	// adjust changes the generated configuration; nil leaves it as it is. It
	// has no flag.
	adjust func(config string) string
}

// all reports whether every secret is to be played at once.
func (o sandboxOptions) all() bool { return strings.EqualFold(o.demo, allOfThem) }

// allOfThem stands for the names of all secrets.
const allOfThem = "all"

func parseSandbox(args []string) (sandboxOptions, error) {
	var o sandboxOptions
	flags := flag.NewFlagSet("rekey sandbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.demo, "demo", "", "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.StringVar(&o.redis, "redis", "", "")
	flags.Float64Var(&o.speed, "speed", 1, "")
	flags.BoolVar(&o.emergency, "emergency", false, "")
	flags.BoolVar(&o.drill, "drill", false, "")
	flags.BoolVar(&o.rollback, "rollback", false, "")
	flags.BoolVar(&o.revokeFirst, "revoke-first", false, "")
	flags.BoolVar(&o.slackDown, "slack-down", false, "")
	flags.BoolVar(&o.rootJobs, "root", false, "")
	flags.StringVar(&o.files, "files", "", "")
	flags.StringVar(&o.plant, "plant", "", "")
	flags.Func("with", "", func(list string) error {
		o.also = named(list)
		return nil
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return o, err
	case err != nil: // it would repeat what was typed
		return o, errors.New("the sandbox takes the options below, each with its value")
	}
	if flags.NArg() > 0 {
		return o, errors.New("the sandbox takes options only")
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, check := range []func(map[string]bool) error{o.check, o.checkRollback, o.checkAway} {
		if err := check(given); err != nil {
			return o, err
		}
	}
	return o, nil
}

// check turns down options that do not go together; given are those that were
// typed.
func (o sandboxOptions) check(given map[string]bool) error {
	switch {
	case !(o.speed >= 0.05 && o.speed <= 20): // so that what is no number is none
		return errors.New("--speed must be between 0.05 and 20")
	case o.json && !given["demo"]:
		return errors.New("--json goes with --demo")
	case given["demo"] && !o.all() && ledgers[strings.ToUpper(o.demo)] == nil:
		return fmt.Errorf("--demo plays all, or one of %s", strings.Join(playable(), ", "))
	case given["with"] && given["demo"]:
		return errors.New("--with is for playing by hand: without --demo")
	case given["with"] && o.also == nil:
		return fmt.Errorf("--with takes all, or some of %s", strings.Join(playable(), ", "))
	case given["plant"]:
		return o.checkPlant(given)
	}
	return o.checkEmergency(given)
}

// checkEmergency turns down what belongs to emergencies, or to one secret, in
// other places.
func (o sandboxOptions) checkEmergency(given map[string]bool) error {
	switch {
	case o.emergency && !given["demo"]:
		return errors.New("--emergency goes with --demo")
	case o.drill && (!given["demo"] || o.all() || o.emergency):
		return errors.New("--drill goes with the --demo of one secret, instead of --emergency")
	case given["files"] && (!o.emergency || o.files == ""):
		return errors.New("--files goes with --emergency, and names a folder")
	case o.rootJobs && !strings.EqualFold(o.demo, app.JobsKey):
		return errors.New("--root goes with --demo " + app.JobsKey)
	}
	return o.checkFirst()
}

// checkPlant turns down a planted fault that cannot be shown.
func (o sandboxOptions) checkPlant(given map[string]bool) error {
	switch {
	case !given["demo"]:
		return errors.New("--plant goes with --demo")
	case plants[o.plant] == nil:
		return fmt.Errorf("--plant must be one of %s", strings.Join(plantNames(), ", "))
	case o.all():
		return errors.New("--plant goes with the --demo of one secret")
	}
	return o.checkEmergency(given)
}

// named are the secrets of a list with commas; nil where one is unknown.
func named(list string) []string {
	if strings.EqualFold(list, allOfThem) {
		return playable()
	}
	var all []string
	for name := range strings.SplitSeq(strings.ToUpper(list), ",") {
		if name = strings.TrimSpace(name); ledgers[name] == nil {
			return nil
		}
		all = append(all, name)
	}
	return all
}

// runSandbox is the subcommand.
func runSandbox(ctx context.Context, args []string, p process) int {
	o, err := parseSandbox(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		p.print(p.out, sandboxManual())
		return exitDone
	case err != nil:
		p.print(p.err, "rekey: "+err.Error()+"\n\n"+sandboxManual())
		return exitUsage
	}
	if err := sandbox.CheckEnvironment(os.Environ()); err != nil {
		p.print(p.err, "rekey: "+err.Error()+"\n")
		return exitUsage
	}
	if o.demo != "" {
		return runDemo(ctx, o, p)
	}
	o.byHand, o.line = true, true
	s, err := openSandbox(ctx, o)
	if err != nil {
		p.print(p.err, "rekey: "+err.Error()+"\n")
		return exitFailed
	}
	defer s.close()
	at := s.world.Endpoints()
	p.print(p.out, fmt.Sprintf("The sandbox is up: %s\nOpen it in a browser and type /rotate NAME, which is one of %s. Its state as JSON: %s/state\n",
		at.Control, strings.Join(s.world.Production.Uses(), ", "), at.Control)+s.line.manual())
	select {
	case <-ctx.Done():
	case <-s.bot.Ended():
		p.print(p.err, "rekey: the bot ended by itself:\n"+s.bot.tail())
		return exitFailed
	}
	return exitDone
}

// box is a running sandbox: the world and the bot in it.
type box struct {
	world *sandbox.World
	bot   *child
	line  *terminal // nil where nobody uses the command line
	dir   string    // configuration and credential files, readable to this user only
	// unseen says that people decide by signed statements, which Slack does not show.
	unseen bool
}

// readyTimeout is how long the bot may take to open its socket to Slack.
const readyTimeout = 30 * time.Second

// openSandbox starts a world and the bot in it, and waits until the bot is
// connected.
func openSandbox(ctx context.Context, o sandboxOptions) (*box, error) {
	if name := strings.ToUpper(o.demo); ledgers[name] != nil {
		o.also = append(slices.Clone(o.also), name)
	}
	world, err := sandbox.Start(ctx, sandbox.Options{Redis: o.redis, Speed: o.speed, Also: o.also, OneMedia: o.oneMedia, OneSocial: o.oneSocial, NotMigrated: o.notMigrated, OwnRedisToken: o.ownRedisToken, OwnMemory: o.ownMemory, LegacySupabase: o.legacySupabase, NoLangfuseAPI: o.noLangfuseAPI, ChainPortal: o.chainPortal, OneChainKey: o.oneChainKey, RootJobs: o.rootJobs})
	if err != nil {
		return nil, err
	}
	b := &box{world: world}
	sweepFolders(os.TempDir())
	if b.dir, err = os.MkdirTemp("", fmt.Sprintf("%s%d-", folderPrefix, os.Getpid())); err != nil {
		b.close()
		return nil, fmt.Errorf("making a folder for the configuration: %w", err)
	}
	path, err := b.configure(&o)
	if err != nil {
		b.close()
		return nil, err
	}
	b.openConsoles()
	b.bot = newChild("serve", "--config", path)
	if err := b.start(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// start starts the bot and waits for its socket.
func (b *box) start(ctx context.Context) error { return b.launch(ctx, b.bot) }

// launch starts one bot, of which there may be several, and waits for its
// socket.
func (b *box) launch(ctx context.Context, bot *child) error {
	before := b.world.Slack.Stats().Opened
	if err := bot.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errors.New("it did not connect in time"))
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	ended := bot.Ended()
	go func() {
		select {
		case <-ended:
			end(errors.New("it ended by itself"))
		case <-ctx.Done():
		}
	}()
	err := b.world.Slack.Wait(ctx, func(now slack.Snapshot) bool { return now.Stats.Opened > before })
	if err != nil {
		return fmt.Errorf("starting the bot: %w; it said:\n%s", err, bot.tail())
	}
	return nil
}

func (b *box) close() {
	if b.bot != nil {
		b.bot.stop()
	}
	b.world.Close()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}
