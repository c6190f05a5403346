package config

import (
	"time"

	"rekey/rotation"
)

// Secret is one secret as this installation uses it.
type Secret struct {
	// Service issues it. Names of the catalogue know theirs.
	Service string `key:"service" form:"word"`
	// Variables are the vault's names that move together; left out, the
	// catalogue's, or the secret's own name.
	Variables []string `key:"variables" form:"variable"`
	// Aliases are other names under which the same value may be found.
	Aliases []string `key:"aliases" form:"variable"`
	// Impact is what stops if it goes wrong.
	Impact string `key:"impact"`
	// Period is how often it must be rotated; 0 means as needed. Left out,
	// the catalogue's, or 90d.
	Period *time.Duration `key:"period"`
	// Tags are names of groups of secrets, for emergencies of several at once
	// (/rotate-emergency tag:NAME).
	Tags []string `key:"tags" form:"name"`
	// Canary says that nothing important uses the secret: emergencies may be
	// rehearsed on it (/rotate-emergency NAME --drill).
	Canary bool `key:"canary" default:"false"`
	// Scope is "shared" where one credential serves both environments, and
	// "per-environment" where each has its own.
	Scope string `key:"scope" form:"scope" default:"per-environment"`
	// Admin is the credential that issues and ends others. It is left out where
	// people do both at a console and none would help: at Mem0's platform.
	Admin Admin `key:"admin"`
	// BaseURL of the service; left out, the service's own.
	BaseURL string `key:"base_url" form:"base"`
	// Console is the address at which people make keys by hand, for services
	// that have no other way; left out, the service's own.
	Console string `key:"console_url" form:"url"`
	// Workspaces are the ids of the workspaces whose keys the environments use
	// (Anthropic); left out, those of the keys in use.
	Workspaces Workspaces `key:"workspaces"`
	// R2 says what the key of Cloudflare R2 is for.
	R2 R2 `key:"r2"`
	// Projects are the references of the projects whose keys the environments
	// use (Supabase); they may be the same.
	Projects Projects `key:"projects"`
	// ProjectURL is the address of a project, with {ref} in the place of its
	// reference (Supabase); left out, the service's own.
	ProjectURL string `key:"project_url" form:"template"`
	// SendsAPIKey says that every consumer sends the key in the header apikey and
	// none as Authorization: Bearer, as people have seen (Supabase). Legacy
	// service_role keys are replaced only then.
	SendsAPIKey bool `key:"sends_apikey" default:"false"`
	// LegacyQuiet is for how long logs must show no legacy key before those can
	// be switched off (Supabase); left out, the service's own.
	LegacyQuiet *time.Duration `key:"legacy_quiet" min:"24h"`
	// JWTUse says what the application does with the secret of its tokens: it
	// only verifies them, or signs some itself (Supabase). One that signs is not
	// rotated by this version.
	JWTUse string `key:"jwt_use" form:"jwtuse"`
	// JWT says how the application uses that secret (Supabase).
	JWT JWT `key:"jwt"`
	// Langfuse says where the keys of Langfuse are, and who makes them.
	Langfuse Langfuse `key:"langfuse"`
	// Mem0 says whose the keys of Mem0 are.
	Mem0 Mem0 `key:"mem0"`
	// Upstash says which databases the tokens of Upstash are of.
	Upstash Upstash `key:"upstash"`
	// Trigger says where the keys of Trigger.dev are.
	Trigger Trigger `key:"trigger"`
	// Helius says where keys of Helius are used, and what its plan allows.
	Helius Helius `key:"helius"`
	// MinExpiry is how long a key made by hand must live at least, if it is
	// given an expiry at all; left out, the service's own.
	MinExpiry *time.Duration `key:"min_expiry" min:"1ms"`
	// Skew is how far the service's clock may be off where it says when a key
	// was made by hand; left out, the service's own.
	Skew *time.Duration `key:"skew" min:"1ms"`
	// ExpiryMargin is how long before its expiry a value is due.
	ExpiryMargin time.Duration `key:"expiry_margin" default:"14d"`
	// Timeout of one call to the service.
	Timeout time.Duration `key:"timeout" default:"15s" min:"10ms"`
	// Waits are the pauses that belong to the service.
	Waits Waits `key:"waits"`
	// Pause asks the application to hold the work that needs the credential, and
	// resume to go on, where making a new one kills the old one at once: what
	// waits meanwhile does not fail. Both take what an environment's deploy takes
	// and are followed as a deployment is; they are asked about production.
	Pause *Deploy `key:"pause"`
	// Resume belongs to pause. It is asked for in every end, also where a rotation
	// stops and waits for people.
	Resume *Deploy `key:"resume"`
	// Prove is how the running application shows which value it uses: "attest",
	// by its own word, or "bundle", by the scripts of its page. Left out, variables
	// that a build writes into scripts (NEXT_PUBLIC_… and the like) are proved by
	// those, and all others by word.
	Prove string `key:"prove" form:"prove"`
	// Affected is a check that succeeds only if this credential works.
	Affected Affected `key:"affected"`
	// Explained are names under which the old value may stand without
	// stopping a rotation, each with the reason.
	Explained map[string]string `key:"explained" form:"variable"`
	// AlsoIn are consumers that the vault does not feed, shown before
	// approval.
	AlsoIn []string `key:"also_in"`

	Policy     Policy `key:"policy" inherit:"policy"`
	Watch      Watch  `key:"watch" inherit:"watch"`
	WatchAfter Watch  `key:"watch_after" inherit:"watch_after"`
	Pace       Pace   `key:"pace" inherit:"pace"`

	// Entry is the effective catalogue entry.
	Entry rotation.Secret
	// Own is where Rekey keeps its own records: no secret may be rotated that it
	// depends on itself.
	Own Redis
	// Stands says by which name of its own Rekey reads one of the variables for
	// its Redis, so that it stands on the secret itself; "" where it does not.
	Stands string
}

// Workspaces are ids by environment.
type Workspaces struct {
	// Staging is the workspace of staging's keys.
	Staging string `key:"staging" form:"word"`
	// Production is the workspace of production's keys.
	Production string `key:"production" form:"word"`
}

// ByHand reports whether people paste values of any secret into the inbox.
func (c *Config) ByHand() bool {
	for _, s := range c.Secrets {
		if s.Entry.ByHand {
			return true
		}
	}
	return false
}

// Shared reports whether one credential serves both environments.
func (s *Secret) Shared() bool { return s.Scope == "shared" }

// Admin is a credential stronger than the one that is rotated. It is read at
// each use and is never one of the rotated values.
type Admin struct {
	// Key of the admin credential, as its service writes it. It must be there,
	// unless people make and end the keys.
	Key Source `key:"key"`
	// Expires is the day on which the service ends the admin credential by
	// itself, where it does. The digest says so before it comes.
	Expires string `key:"expires" form:"date"`
}

// Ends is the beginning of the day on which the admin credential expires; zero
// where it does not.
func (a Admin) Ends() time.Time {
	day, _ := time.Parse(time.DateOnly, a.Expires) // the form was checked; empty is no day
	return day
}

// Waits are a service's pauses. What is left out has the service's own
// default.
type Waits struct {
	// Settle is the pause after issuing, until the new one must answer.
	Settle *time.Duration `key:"settle"`
	// Hold is the pause after the watch, before the old one may be ended.
	Hold *time.Duration `key:"hold"`
	// ProbeFirst is the pause before the first probe of an ended credential.
	ProbeFirst *time.Duration `key:"probe_first"`
	// ProbeEvery is the pause between two probes of an ended credential.
	ProbeEvery *time.Duration `key:"probe_every" min:"1ms"`
	// ProbeFor is how long an ended credential is probed.
	ProbeFor *time.Duration `key:"probe_for"`
	// Grace is how long the old credential lives after its successor was made,
	// where it then dies by itself.
	Grace *time.Duration `key:"grace" min:"1ms"`
	// Margin is how long before that death the application has to be proved on
	// the new one; people are called when it is not.
	Margin *time.Duration `key:"margin"`
	// ProbeAfter is the pause between that death and the probe that proves it.
	ProbeAfter *time.Duration `key:"probe_after"`
}

// Affected is the check of one secret: by environment, or none with a reason.
type Affected struct {
	// None is the reason why there is none. It is shown on the card.
	None       string `key:"none"`
	Staging    *Probe `key:"staging"`
	Production *Probe `key:"production"`
}

// In returns the environment's probe; nil where there is none.
func (a Affected) In(environment string) *Probe {
	switch environment {
	case rotation.Staging:
		return a.Staging
	case rotation.Production:
		return a.Production
	default:
		return nil
	}
}

// Probe is a request that fails without the credential.
type Probe struct {
	HTTP *HTTP `key:"http" need:"http: with a url:"`
	// Free says that the request costs nothing: it then runs at every look of
	// a watch too, beside once per environment and after the end.
	Free bool `key:"free" default:"false"`
}
