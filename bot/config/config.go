package config

import (
	"iter"
	"os"
	"time"

	"rekey/rotation"
)

// Config is a whole, checked configuration.
type Config struct {
	// Installation names this installation in the labels of the credentials
	// it makes. Two installations on one service account need two names.
	Installation string `key:"installation" form:"installation" need:"a short name, such as installation: acme"`
	// FingerprintKey is the key under which values are fingerprinted and what
	// people click is sealed, at least 32 bytes. Whoever holds it can test
	// guesses, and with Redis make up clicks; keep it out of Redis.
	FingerprintKey Source `key:"fingerprint_key" need:"fingerprint_key_file: and a path"`

	Log       Log       `key:"log"`
	Slack     Slack     `key:"slack"`
	Redis     Redis     `key:"redis"`
	Infisical Infisical `key:"infisical"`

	Environments Environments `key:"environments"`

	// Starters may start, cancel and retry rotations, and snooze secrets. Naming nobody means
	// every full member of the workspace.
	Starters People `key:"starters"`
	// Incident is who is called when an emergency begins, and again while its
	// request for approval waits. Naming nobody means the approvers.
	Incident People `key:"incident"`
	// Drill is about rehearsed emergencies.
	Drill Drill `key:"drill"`
	// Policy says whose approval ends an old credential.
	Policy Policy `key:"policy"`
	// Watch is the watch between the last proof and the approval.
	Watch Watch `key:"watch"`
	// WatchAfter is the watch after the old credential has ended.
	WatchAfter Watch `key:"watch_after"`
	// Pace holds the waits between looks at something outside.
	Pace Pace `key:"pace"`
	// Inbox holds the waits for people who make a key by hand.
	Inbox Inbox `key:"inbox"`
	// Audit says how what could be done with a leaked key is found out.
	Audit Audit `key:"audit"`
	// Engine holds the waits that are the same for all secrets.
	Engine Engine `key:"engine"`
	// Chat holds the waits towards Slack.
	Chat Chat `key:"chat"`
	// CommandLine is how people ask and decide where Slack cannot be reached.
	CommandLine CommandLine `key:"command_line"`
	// Announce is the digest of what is due: when and where it is told.
	Announce Announce `key:"announce"`
	// Doctor holds the limits of a look at everything around Rekey.
	Doctor Doctor `key:"doctor"`

	// Secrets are the secrets this installation uses, by name. Names of the
	// built-in catalogue bring their service, variables, period and impact.
	Secrets map[string]*Secret `key:"secrets" form:"secret" need:"at least one secret, such as FAL_KEY: with an admin: key_file:"`

	env Lookup // where variables are found
}

// Variable finds a variable of the environment that the file was loaded with.
func (c *Config) Variable(name string) (string, bool) {
	if c.env == nil {
		return os.LookupEnv(name)
	}
	return c.env(name)
}

// Drill is about rehearsed emergencies.
type Drill struct {
	// CallIncident calls whoever is named under incident to drills, too; else only
	// the approvers are called.
	CallIncident bool `key:"call_incident" default:"false"`
}

// Log says what the process writes to standard error.
type Log struct {
	// Level is the least level written: debug, info, warn or error. The
	// variable REKEY_LOG_LEVEL overrides it.
	Level string `key:"level" form:"level" default:"info"`
}

// Slack is the workspace and the channel.
type Slack struct {
	// AppToken is the app-level token (scope connections:write).
	AppToken Source `key:"app_token" need:"app_token_file: and a path, or app_token_env: and a variable's name"`
	// BotToken is the bot user's token.
	BotToken Source `key:"bot_token" need:"bot_token_file: and a path, or bot_token_env: and a variable's name"`
	// API is where the Web API is asked.
	API string `key:"api_url" form:"base" default:"https://slack.com/api/"`
	// Channel is where rotations are told and approved.
	Channel string `key:"channel" form:"channel" need:"the channel's id, such as channel: C0123ABCD"`
	// History says that the app has the history scope, so that a post whose
	// answer was lost is looked up before it is sent again.
	History bool `key:"history" default:"false"`
}

// Redis is where rotations are kept. Either url or address.
type Redis struct {
	// URL is a whole URL with user and password, redis:// or rediss://.
	URL Source `key:"url"`
	// Address is host:port, where no password is needed or it stands apart.
	Address string `key:"address" form:"address"`
	// Username of the ACL user; empty means the default user.
	Username string `key:"username" form:"word"`
	// Password for address.
	Password Source `key:"password"`
	// TLS for address.
	TLS bool `key:"tls" default:"false"`
	// Durability, set to "accepted", starts Rekey on a server whose settings
	// cannot be read: somebody has made sure that it keeps an append-only file
	// and does not evict.
	Durability string `key:"durability" form:"accepted"`
	// Timeout of one command.
	Timeout time.Duration `key:"timeout" default:"5s" min:"10ms"`
	// Ping is how long a silent connection for wake-ups is trusted before it
	// is asked whether it still lives.
	Ping time.Duration `key:"ping" default:"60s" min:"10ms"`
	// Reconnect is the longest pause between two tries to connect for
	// wake-ups; the first is a 128th of it.
	Reconnect time.Duration `key:"reconnect" default:"10s" min:"10ms"`
}

// Infisical is the project in which values are kept.
type Infisical struct {
	// URL of the site.
	URL string `key:"url" form:"base" default:"https://app.infisical.com"`
	// Project is the project's id, not its slug.
	Project string `key:"project" form:"project" need:"the project's id, such as project: 7b0e6d1c-…"`
	// ClientID of the machine identity's universal auth.
	ClientID Source `key:"client_id" need:"client_id_file: and a path, or client_id_env: and a variable's name"`
	// ClientSecret of the same.
	ClientSecret Source `key:"client_secret" need:"client_secret_file: and a path, or client_secret_env: and a variable's name"`
	// SyncsUnread, set to "accepted", goes on where the identity may not list
	// the project's secret syncs: somebody has made sure that none carries
	// values from these paths. Otherwise a person is asked.
	SyncsUnread string `key:"syncs_unread" form:"accepted"`
	// Timeout of one call.
	Timeout time.Duration `key:"timeout" default:"15s" min:"10ms"`
	// LoginPause is the pause after a login that got no answer.
	LoginPause time.Duration `key:"login_pause" default:"30s" min:"1ms"`
}

// Environments are the two that a rotation goes through, in order.
type Environments struct {
	Staging    Environment `key:"staging"`
	Production Environment `key:"production"`
}

// Each gives the environments in the order in which a rotation writes them.
func (e *Environments) Each() iter.Seq2[string, *Environment] {
	return func(yield func(string, *Environment) bool) {
		_ = yield(rotation.Staging, &e.Staging) && yield(rotation.Production, &e.Production)
	}
}

// People are members of the workspace, one by one or as a user group.
type People struct {
	// Users are ids of people.
	Users []string `key:"users" form:"user"`
	// Group is the id of a user group (paid workspaces). Whoever may edit it
	// decides who is in it; a list of users cannot be edited in Slack.
	Group string `key:"group" form:"group"`
}

// IsZero reports whether nobody is named.
func (p People) IsZero() bool { return len(p.Users) == 0 && p.Group == "" }

// Policy says when an approval is given.
type Policy struct {
	// Approvers may approve the end of an old credential.
	Approvers People `key:"approvers"`
	// Quorum is how many must approve.
	Quorum int `key:"quorum" default:"1" min:"1"`
	// SelfApproval counts the requester's own mark.
	SelfApproval bool `key:"self_approval" default:"false"`
	// Expiry of a request for approval; 0 means never.
	Expiry time.Duration `key:"expiry" default:"24h"`
	// EmergencySelfApproval counts the requester's own mark in an emergency,
	// where nobody else may be awake.
	EmergencySelfApproval bool `key:"emergency_self_approval" default:"false"`
	// EmergencyRemind is the pause before an emergency's request for approval is
	// repeated; each pause is as long as the one before. It never expires.
	EmergencyRemind time.Duration `key:"emergency_remind" default:"5m" min:"1ms"`
	// EmergencyBatchApproval is "each" where several emergencies at once ask for
	// approval one by one, in their threads, and "once" where what is ready
	// together is asked about on one request, which counts for each secret by its
	// own rules.
	EmergencyBatchApproval string `key:"emergency_batch_approval" default:"each" form:"batch"`
	// Rollback says which failures send a routine rotation back to the old
	// credential by themselves, while that lives. A person can at any time.
	Rollback Rollback `key:"rollback"`
}

// Rollback says which failures send a rotation back. What could not be told, as a
// log source that does not answer, never does; nor does anything in an emergency.
type Rollback struct {
	// Verify is that the service does not accept the new credential. Nothing
	// uses it then, so that a person loses nothing by looking first.
	Verify bool `key:"verify" default:"false"`
	// Deploy is that a deployment failed. Instances that run go on with the old
	// credential, and the next deployment may fail as this one did.
	Deploy bool `key:"deploy" default:"false"`
	// Prove is that the application does not take the new credential, or fails
	// on it: whoever deploys next would ship what is not proved.
	Prove bool `key:"prove" default:"true"`
	// Watch is that the application failed while it was watched: each minute
	// of waiting for a person is one of failing requests.
	Watch bool `key:"watch" default:"true"`
}

// Pace holds the engine's waits for one secret.
type Pace struct {
	// DeployPoll is the pause between two looks at a deployment.
	DeployPoll time.Duration `key:"deploy_poll" default:"5s" min:"1ms"`
	// DeployDeadline is when a deployment that has not ended is unknown and a
	// person is asked.
	DeployDeadline time.Duration `key:"deploy_deadline" default:"20m" min:"1ms"`
	// ProveEvery is the pause between two attempts at a life certificate.
	ProveEvery time.Duration `key:"prove_every" default:"10s" min:"1ms"`
	// ProveFor is when a life certificate counts as not given.
	ProveFor time.Duration `key:"prove_for" default:"5m" min:"1ms"`
	// Fresh is how old a survey or certificate may be to be used again.
	Fresh time.Duration `key:"fresh" default:"60s" min:"1ms"`
}

// Inbox holds the waits for a key that a person makes and pastes.
type Inbox struct {
	// Poll is the pause between two looks into the inbox while a person is
	// asked.
	Poll time.Duration `key:"poll" default:"5s" min:"1ms"`
	// Remind is when people are asked once more; 0 means never.
	Remind time.Duration `key:"remind" default:"4h"`
	// Expiry is when the waiting ends and the rotation stops; 0 means never.
	Expiry time.Duration `key:"expiry" default:"7d"`
}

// Doctor holds the limits of `rekey doctor`, which looks at everything around
// Rekey and changes nothing.
type Doctor struct {
	// Timeout of one look.
	Timeout time.Duration `key:"timeout" default:"30s" min:"100ms"`
	// Clock is how far the clocks of Slack and Infisical may be from ours.
	Clock time.Duration `key:"clock" default:"30s" min:"1s"`
}

// Engine holds what is the same for all secrets.
type Engine struct {
	// Lease is for how long a replica holds a rotation; it renews every third
	// of it, and another replica takes over after it.
	Lease time.Duration `key:"lease" default:"12s" min:"100ms"`
	// RetryAttempts is how often a step that failed for the moment is tried
	// before a person is asked.
	RetryAttempts int `key:"retry_attempts" default:"8" min:"1"`
	// RetryFirst is the pause after the first failure; it doubles each time.
	RetryFirst time.Duration `key:"retry_first" default:"5s" min:"1ms"`
	// RetryMax is the longest pause.
	RetryMax time.Duration `key:"retry_max" default:"5m" min:"1ms"`
	// Drivers is how many rotations one replica drives at once.
	Drivers int `key:"drivers" default:"16" min:"1"`
	// BatchLook is the pause between two looks at several emergencies at once that
	// nothing calls for; what one of them comes to is seen at once.
	BatchLook time.Duration `key:"batch_look" default:"15s" min:"1ms"`
	// BatchStart is how long beginning one of them may take before it is tried
	// again later.
	BatchStart time.Duration `key:"batch_start" default:"1m" min:"10ms"`
	// BatchGather is how long the first of them that is ready waits for others to
	// be asked about on the same request (policy.emergency_batch_approval: once).
	BatchGather time.Duration `key:"batch_gather" default:"30s" min:"1ms"`
	// Shutdown is how long the process may take to end after a signal.
	Shutdown time.Duration `key:"shutdown" default:"20s" min:"100ms"`
}
