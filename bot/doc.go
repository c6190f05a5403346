// Command rekey is a Slack bot that rotates an application's secrets without
// downtime.
//
//	rekey sandbox --demo FAL_KEY       try it on this machine; nothing outside is touched
//	rekey serve --config rekey.yaml    run the bot until a signal
//	rekey check --config rekey.yaml    check the file and show what it means
//	rekey approve NAME                 and status, rotate, emergency, deny …: where Slack is away
//	rekey version                      print the version
//	rekey help                         print this
//
// # The model
//
// The program is the only place that knows every concrete type. It reads the
// configuration, builds an adapter for everything outside (wire.go), hands
// them to the engine and to the chat, and runs both until a signal (serve.go).
// Any number of processes with the same configuration may serve side by side:
// what they share is in Redis.
//
// # What may run twice
//
// All of it: starting again after a crash at any moment is the ordinary way on.
//
// # Exit codes
//
//	0  done; for serve, ended by a signal
//	1  it failed: the log's last line says at what
//	2  the command line or the configuration is wrong; nothing was started
//
// Logs are JSON lines on standard error, with the level of the configuration
// or of the variable REKEY_LOG_LEVEL.
package main
