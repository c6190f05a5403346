package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"slices"
	"time"

	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/fal"
	"rekey/internal/sandbox/infisical"
	"rekey/internal/sandbox/loki"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/supabase"
)

// Names of the two environments, and of their environments in the vault.
const (
	Staging        = "staging"
	Production     = "production"
	ProductionSlug = "prod" // staging's slug is its name
)

// AppName is the application's name in its logs' label "app".
const AppName = "shop"

// InboxPath is the inbox's folder in the vault, in each environment.
const InboxPath = "/rekey-inbox"

// ServiceAccount is whom the application's keys act as at Anthropic.
const ServiceAccount = "svac_01SandboxShop"

// The channel and the people of the workspace.
const (
	Channel   = "C0ROTATIONS"
	Requester = "U0ANN"      // starts rotations
	Approver  = "U0BEN"      // may approve
	Second    = "U0CLEO"     // may approve, too
	Colleague = "U0DAN"      // a full member who may not approve
	Guest     = "U0EVAGUEST" // a guest of the workspace
	Robot     = "U0FIXBOT"   // another app's bot
	Outsider  = "U0GILEXT"   // of another company
	Approvers = "S0APPROVE"  // user group of the two approvers
)

// seeded is what the seed made and the rest of the world refers to.
type seeded struct {
	project   string
	bot       infisical.Identity
	platform  infisical.Identity
	laptop    infisical.Identity // of a person, for a thief to steal
	admin     fal.Key
	old       fal.Key
	oldText   map[string]anthropic.Key // by environment
	media     media
	databases databases
	traces    traces
	jobs      jobs
	social    social
	chain     chain
	tokens    Credentials

	supabaseAdmin string
	memory        memory
	oldRows       map[string]supabase.Key // by environment; nil when nothing uses them

	signed     bool                       // visitors are signed in
	passes     map[string]string          // publishable keys, by project
	oldSigners map[string]supabase.Signer // by environment
}

// silent keeps net/http's own complaints, about connections that faults cut,
// out of the output.
var silent = log.New(io.Discard, "", 0)

// seed makes the services and what is in them.
func (w *World) seed(o Options) error {
	w.Fal = fal.New(fal.Options{MaxPage: 2}) // small, so that every list has pages
	w.Infisical = infisical.New(infisical.Options{Licensed: true})
	w.Loki = loki.NewServer(nil)
	made := time.Now().Add(-o.Age)
	w.admin = w.Fal.AddAdmin("team", "rotation-bot")
	w.old = w.Fal.Seed("team", "shop", made)
	for _, alias := range []string{"laptop-ann", "ci", "shop"} { // an alias is not unique
		w.Fal.Seed("team", alias, made.Add(24*time.Hour))
	}
	w.seedAnthropic(o, made)
	w.seedSupabase(o, made)
	w.seedMedia(o, made)
	if err := w.seedDatabases(o, made); err != nil {
		return err
	}
	w.seedTraces(o, made)
	w.seedMemory(o, made)
	w.seedJobs(o, made)
	w.seedSocial(o, made)
	if err := w.seedChain(o, made); err != nil {
		return err
	}
	if err := w.seedVault(made); err != nil {
		return err
	}
	w.tokens = Credentials{
		SlackApp: "xapp-1-A0SANDBOX-" + random(16), SlackBot: "xoxb-1-" + random(16),
		InfisicalID: w.bot.ClientID, InfisicalSecret: w.bot.ClientSecret,
		FalAdmin: w.admin.Value, AnthropicAdmin: w.Anthropic.AdminKey(), R2Admin: w.media.admin.Value, LangfuseAdmin: w.Langfuse.AdminKey(), Deploy: random(24), Fingerprint: random(32),
		AttestStaging: random(24), AttestProduction: random(24),
	}
	w.databaseTokens()
	w.tokens.SupabaseToken = w.supabaseAdmin
	if w.Mem0Own != nil {
		w.tokens.Mem0Login = w.Mem0Own.Login()
	}
	w.tokens.TriggerToken, w.tokens.HeliusToken = w.jobs.token, w.chain.token
	w.seedSlack(o)
	return nil
}

// adminRate is how many requests per second Anthropic's Admin API takes: one
// of the real world's, in which waits of seconds last 20 times as long.
const adminRate = 20

// seedAnthropic makes a key for each environment, and some that are others'.
func (w *World) seedAnthropic(o Options, made time.Time) {
	w.Anthropic = anthropic.New(anthropic.Options{MaxPage: 3, AdminRate: adminRate * o.Speed})
	w.oldText = map[string]anthropic.Key{}
	for _, environment := range []string{Staging, Production} {
		name := AppName + "-" + environment // a name is not unique
		w.oldText[environment] = w.Anthropic.Seed(anthropic.Order{Name: name, Workspace: Workspace(environment), Account: ServiceAccount}, made)
		w.Anthropic.Seed(anthropic.Order{Name: name, Workspace: Workspace(environment), User: "user_01Ann"}, made.Add(time.Hour))
	}
	w.Anthropic.Seed(anthropic.Order{Name: "before service accounts", Workspace: Workspace(Production)}, made.Add(-24*time.Hour))
	w.Anthropic.Seed(anthropic.Order{Name: "everywhere", Account: ServiceAccount}, made)
	gone := w.Anthropic.Seed(anthropic.Order{Name: AppName + "-" + Production, Workspace: Workspace(Production), Account: ServiceAccount}, made.Add(-48*time.Hour))
	w.Anthropic.Set(gone.ID, anthropic.Archived)
}

func (w *World) seedVault(made time.Time) error {
	w.project = w.Infisical.AddProject(AppName, Staging, ProductionSlug)
	rights := []infisical.Right{infisical.Describe, infisical.ReadValue}
	w.platform = w.Infisical.AddIdentity("platform", infisical.Grant{Project: w.project, Path: "/", Rights: rights})
	w.bot = w.Infisical.AddIdentity("rekey",
		infisical.Grant{Project: w.project, Path: "/", Rights: slices.Concat(rights, []infisical.Right{infisical.Edit})},
		infisical.Grant{Project: w.project, Path: InboxPath, Rights: slices.Concat(rights, []infisical.Right{infisical.Delete})})
	w.laptop = w.Infisical.AddIdentity("laptop-ann", infisical.Grant{Project: w.project, Path: "/", Rights: rights})
	w.Infisical.Auditors(w.bot.ClientID)
	for _, environment := range []string{Staging, Production} {
		w.Infisical.AddFolder(w.Inbox(environment))
		at := w.Place(environment)
		w.Infisical.Began(at, w.platform, made.Add(-time.Hour))
		values := w.values(environment)
		values["SESSION_SECRET"] = random(24)
		for name, value := range values {
			if _, err := w.Infisical.Seed(at, name, value, made); err != nil {
				return fmt.Errorf("seeding the vault: %w", err)
			}
		}
	}
	return nil
}

func (w *World) seedSlack(o Options) {
	limits := slack.RealLimits().Faster(o.Speed)
	c := slack.Config{AppToken: w.tokens.SlackApp, BotToken: w.tokens.SlackBot, Limits: &limits, Scopes: slack.DefaultScopes()}
	if o.History {
		c.Scopes = append(c.Scopes, "channels:history")
	}
	w.Slack = slack.New(c)
	w.Slack.AddChannel(slack.Channel{ID: Channel, Name: "rotations", BotIn: true})
	for _, u := range []slack.User{
		{ID: Requester, Name: "ann"}, {ID: Approver, Name: "ben"}, {ID: Second, Name: "cleo"}, {ID: Colleague, Name: "dan"},
		{ID: Guest, Name: "eva", Guest: true}, {ID: Robot, Name: "fixbot", Bot: true},
		{ID: Outsider, Name: "gil", TeamID: "T0OTHER", Stranger: true},
	} {
		w.Slack.AddUser(u)
	}
	w.Slack.AddGroup(slack.Group{ID: Approvers, Name: "approvers", Users: []string{Approver, Second}})
}

// buildApps starts both environments with the old key.
func (w *World) buildApps(o Options) {
	options := func(environment, attest string, instances int) app.Options {
		return app.Options{
			Media: w.mediaOf(environment), Langfuse: w.tracesAt(), Memory: w.memoryAt(), Jobs: w.endpoints.Trigger, Social: w.socialAt(), PublicRPC: w.endpoints.PublicRPC,
			Redis: w.databaseAt(environment),
			Name:  AppName, Environment: environment, Instances: instances, Fal: w.endpoints.Fal, Anthropic: w.endpoints.Anthropic, Supabase: w.rowsAt(environment), Sessions: w.sessionsOf(environment), AttestKey: attest,
			Logs: w.Loki.Store, Boot: o.scaled(200 * time.Millisecond), SlowBoot: o.scaled(1200 * time.Millisecond),
		}
	}
	w.Staging = app.New(options(Staging, w.tokens.AttestStaging, 1), "dpl-staging-0", w.values(Staging))
	w.Production = app.New(options(Production, w.tokens.AttestProduction, 3), "dpl-production-0", w.values(Production))
}

// values are those of the services' keys that an environment begins with.
func (w *World) values(environment string) map[string]string {
	all := map[string]string{app.FalKey: w.old.Value, app.AnthropicKey: w.oldText[environment].Value}
	maps.Copy(all, w.media.values(environment))
	maps.Copy(all, w.databases.values(w, environment))
	if k, played := w.oldRows[environment]; played {
		all[app.SupabaseKey] = k.Value
	}
	maps.Copy(all, w.traces.values(environment))
	maps.Copy(all, w.memory.values(environment))
	maps.Copy(all, w.jobs.values(environment))
	maps.Copy(all, w.social.values(environment))
	maps.Copy(all, w.chainValues(environment))
	maps.Copy(all, w.signingValues(environment))
	return all
}

func (w *World) buildTarget(ctx context.Context, o Options) {
	v := &app.Vault{
		URL: w.endpoints.Infisical, Project: w.project, ClientID: w.platform.ClientID, ClientSecret: w.platform.ClientSecret,
		Environments: map[string]string{Staging: Staging, Production: ProductionSlug},
		Client:       &http.Client{Timeout: 10 * time.Second},
	}
	w.Target = app.NewTarget(ctx, app.TargetOptions{
		Key: w.tokens.Deploy, Apps: map[string]*app.App{Staging: w.Staging, Production: w.Production},
		Vault: v.Values, Build: o.scaled(500 * time.Millisecond),
	})
}

func (o Options) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) / o.Speed) }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
