package rotation

import (
	"time"

	"rekey/deploy"
	"rekey/providers"
	"rekey/rotation/watch"
)

// Subject is one secret as this installation uses it: the catalogue entry
// and everything needed to rotate it.
type Subject struct {
	Secret
	Shared   bool // one credential for both environments, else one each
	Provider providers.Provider
	Vault    deploy.Vault
	Inbox    deploy.Inbox     // where people leave values; nil where no kind needs it
	Stages   map[string]Stage // by environment name
	Policy   Policy
	Pace     Pace
	Audit    Inquiry
	Watch    watch.Params // before approval
	After    watch.Params // after the end
	// Explained are names under which the old value may stand without
	// stopping the survey, with the reason.
	Explained map[string]string
	AlsoIn    []string // consumers not fed by the vault, shown before approval
	// ExpiryMargin is how long before its expiry a value is due at the latest.
	ExpiryMargin time.Duration
	// AdminExpires is when the service ends the admin credential by itself;
	// zero where it does not or nobody has said.
	AdminExpires time.Time
	// Slots are serialised beside the secret itself: rotations that would
	// disturb each other name the same one, such as "account/fal".
	Slots []string
	// Tags name groups of secrets for which an emergency may be called at once.
	Tags []string
	// Sustains says what of Rekey's own stands on this credential, such as "its own
	// records"; "" is nothing. Nil is nothing, too.
	Sustains func() (string, error)
	// Canary says that its failure harms nobody: emergencies may be rehearsed on it.
	Canary bool
	// Pause and Resume ask the application to hold the work that needs the
	// credential, and to go on: both or neither. What they trigger is followed
	// as a deployment is.
	Pause, Resume deploy.Deployer
}

// Stage is one environment's application.
type Stage struct {
	Deployer   deploy.Deployer
	Attester   deploy.Attester
	Affected   deploy.Check // succeeds only if this credential works
	Gate       deploy.Gate  // lets in who bears a token; nil where tokens prove nothing
	NoAffected string       // the written reason when Affected is nil
	Free       bool         // Affected costs nothing: it runs at every watch tick too
	Checks     []Check
	Inbox      string // for people: where in the vault the environment's inbox is
}

// Check is a named check of a watch.
type Check struct {
	Name     string
	Required bool
	Instant  bool       // it sees the present only
	Unit     watch.Unit // of its value; watch.Count counts failed requests
	deploy.Check
}

// Pace are the engine's own waits for one subject. All come from
// configuration.
type Pace struct {
	DeployPoll     time.Duration // between two looks at a deployment
	DeployDeadline time.Duration // after which its state is unknown and a person is asked
	ProveEvery     time.Duration // between two attempts at a certificate
	ProveFor       time.Duration // after which it counts as not given
	Fresh          time.Duration // how old a survey or certificate may be to be used again
	InboxPoll      time.Duration // between two looks into the inbox while a person is asked
	InboxRemind    time.Duration // after which people are asked once more; 0 means never
	InboxExpiry    time.Duration // after which the waiting ends and a person decides; 0 means never
}

// environments are the plan's environments in their order.
func environments() []string { return []string{Staging, Production} }
