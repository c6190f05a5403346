package config

import "time"

// Environment is one application: where its values are kept, how it is
// deployed, and how it is asked.
type Environment struct {
	// Vault is where its values lie in the project.
	Vault Place `key:"vault"`
	// Deploy says how a deployment is started and followed.
	Deploy Deploy `key:"deploy"`
	// Attest is where the application proves which value it uses.
	Attest Attest `key:"attest"`
	// Bundle is the page whose scripts hold what a build writes into them. It is
	// needed where a secret is proved by it.
	Bundle *Bundle `key:"bundle"`
	// Checks are measured by every watch. At least one must be required.
	Checks []Check `key:"checks" need:"at least one check with a name: and an http: or loki:"`
}

// Place is a folder of the project.
type Place struct {
	// Environment is the vault's slug for it. Left out, it is "staging" for
	// staging and "prod" for production, the vault's own names.
	Environment string `key:"environment" form:"slug"`
	// Path of the folder.
	Path string `key:"path" form:"path" default:"/"`
	// Inbox is the folder beside it, in the same environment of the vault,
	// into which people paste a key that only a console can make. Rekey must
	// be allowed to read and delete there, and no application may read it.
	Inbox string `key:"inbox" form:"path" default:"/rekey-inbox"`
}

// Deploy names exactly one way to deploy.
type Deploy struct {
	Webhook *Webhook `key:"webhook"`
	Command *Command `key:"command"`
}

// Webhook is a deployer that takes a signed request.
type Webhook struct {
	// URL takes the request.
	URL string `key:"url" form:"url" need:"where deployments are asked for, such as url: https://deploy.example.com/hook"`
	// Secret signs the requests.
	Secret Source `key:"secret" need:"secret_file: and a path, or secret_env: and a variable's name"`
	// StatusURL is where a deployment is followed, with {id} for its id. Left
	// out, the answer to the request must name it.
	StatusURL string `key:"status_url" form:"url"`
	// StatusHosts are further hosts (host or host:port) at which an answer's
	// own status URL may lie, beside the host of url.
	StatusHosts []string `key:"status_hosts" form:"host"`
	// NotYet is for how long the target may not know a new deployment.
	NotYet time.Duration `key:"not_yet" default:"60s" min:"1ms"`
	// Unreachable is how many looks in a row may go unanswered before the
	// state is unknown.
	Unreachable int `key:"unreachable" default:"3" min:"1"`
	// Timeout of one call.
	Timeout time.Duration `key:"timeout" default:"15s" min:"10ms"`
}

// Command is a deployer of two programs on Rekey's own machine. They are
// started without a shell and told by variables which deployment it is about
// and which names changed, never a value: REKEY_REQUEST_ID, REKEY_ENVIRONMENT,
// REKEY_REASON, REKEY_SECRETS, REKEY_REQUESTED_BY, REKEY_ATTEMPT, and
// REKEY_REBUILD=true where a restart would ship the old value, because a build
// writes it into what browsers load.
type Command struct {
	// Run starts a deployment and ends without waiting for it: an absolute path
	// and its arguments. It exits with 0 when the deployment was started, with
	// 75 when it was not and is to be tried again; after any other code a person
	// is asked. The same REKEY_REQUEST_ID must never deploy twice.
	Run []string `key:"run" need:"the program that starts a deployment, such as run: [/opt/deploy/start, web]"`
	// Status tells how the deployment of REKEY_REQUEST_ID is going. It exits
	// with 0 and prints one line: none (never started), queued, running,
	// succeeded (traffic reaches it), failed or cancelled, then perhaps
	// deployment=NAME, then words for people.
	Status []string `key:"status" need:"the program that tells how a deployment is going, such as status: [/opt/deploy/status, web]"`
	// Folder in which both run.
	Folder string `key:"folder" form:"absolute" default:"/"`
	// Pass names variables of Rekey's own environment that both programs may
	// see, such as PATH. No other is handed on, and none that Rekey reads a
	// secret from can be.
	Pass []string `key:"pass" form:"passed"`
	// Timeout of run. A program that has not ended by then is ended with all it
	// started, and status decides whether there is a deployment.
	Timeout time.Duration `key:"timeout" default:"60s" min:"10ms"`
	// StatusTimeout is the same for status.
	StatusTimeout time.Duration `key:"status_timeout" default:"15s" min:"10ms"`
	// Grace is how long a program has between being told to end and being ended.
	Grace time.Duration `key:"grace" default:"5s" min:"1ms"`
}

// Attest is the application's endpoint for proofs.
type Attest struct {
	// URL of the endpoint.
	URL string `key:"url" form:"url" need:"where the application proves its values, such as url: https://app.example.com/rekey"`
	// Key that both sides hold.
	Key Source `key:"key" need:"key_file: and a path, or key_env: and a variable's name"`
	// Instances is how many instances must be heard; 0 means not known, then
	// Streak answers in a row must agree.
	Instances int `key:"instances" default:"0"`
	// Streak is how many answers in a row must agree where the number of
	// instances is not known.
	Streak int `key:"streak" default:"6" min:"1"`
	// Attempts is how many questions one proof may ask.
	Attempts int `key:"attempts" default:"40" min:"1"`
	// Pause between two questions.
	Pause time.Duration `key:"pause" default:"200ms"`
	// Freshness is how far the clock of an answer may be off.
	Freshness time.Duration `key:"freshness" default:"60s" min:"1s"`
	// Timeout of one question.
	Timeout time.Duration `key:"timeout" default:"5s" min:"10ms"`
}

// Check is one thing to measure, in exactly one way.
type Check struct {
	// Name is shown and stored.
	Name string `key:"name" form:"name" need:"a short name, such as name: errors"`
	// Required checks decide the verdict; the others are only shown.
	Required bool  `key:"required" default:"true"`
	HTTP     *HTTP `key:"http"`
	Loki     *Loki `key:"loki"`
}

// HTTP is a request of our own, judged by its answer.
type HTTP struct {
	// URL that is asked. A check that must fail without a credential asks for
	// something that makes the application use it.
	URL string `key:"url" form:"url" need:"what to ask, such as url: https://app.example.com/healthz"`
	// Method is GET, HEAD or POST.
	Method string `key:"method" form:"method" default:"GET"`
	// Header lines by name. No credentials: people read this file.
	Header map[string]string `key:"header" form:"header"`
	// Body is sent with POST.
	Body string `key:"body"`
	// Status lists the statuses that are good; none means 200.
	Status []int `key:"status" min:"100"`
	// Match is a regular expression (RE2) that the body must hold.
	Match string `key:"match" form:"regexp"`
	// JSON says that a good body is JSON; a page of HTML is then not the
	// application's answer.
	JSON bool `key:"json" default:"false"`
	// Reference is a URL of somebody else: where it answers, our own network is
	// well, and a target that does not answer is failing.
	Reference string `key:"reference" form:"url"`
	// Latency is the longest good answer; 0 means any.
	Latency time.Duration `key:"latency" default:"0s"`
	// Timeout of one request.
	Timeout time.Duration `key:"timeout" default:"10s" min:"10ms"`
}

// Loki counts log lines. The three queries may hold {{deployment}}, nothing else.
type Loki struct {
	// URL of the server.
	URL string `key:"url" form:"base" need:"the server, such as url: https://logs.example.com"`
	// Tenant is sent as X-Scope-OrgID.
	Tenant string `key:"tenant" form:"word"`
	// Token is sent as bearer, or as a password where User is set.
	Token Source `key:"token"`
	// User for basic authentication.
	User string `key:"user" form:"word"`
	// Query selects the application's lines, in which the failure of a
	// credential is looked for by the service's own signatures. Where it matches
	// no line although others do, nothing can be measured.
	Query string `key:"query" form:"query" need:"a LogQL query for the application's lines, such as query: '{app=\"web\", deployment=\"{{deployment}}\"}'"`
	// Errors selects those that are errors; left out, only signatures count.
	Errors string `key:"errors" form:"query"`
	// Requests selects those of which each is a request: the positive signal
	// without which silence would look like health.
	Requests string `key:"requests" form:"query" need:"a LogQL query for lines that are requests, such as requests: '{app=\"web\", deployment=\"{{deployment}}\"} |= \"request\"'"`
	// Step is the resolution asked of the server.
	Step time.Duration `key:"step" default:"1s" min:"1ms"`
	// Timeout of one query.
	Timeout time.Duration `key:"timeout" default:"15s" min:"10ms"`
}
