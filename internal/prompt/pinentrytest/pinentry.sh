#!/bin/sh
# A pinentry that answers by itself, for tests. It speaks the Assuan protocol.
#
#   $0.passphrase   what GETPIN is answered with (one line); without it: cancelled
#   $0.confirm      if it exists CONFIRM is answered with yes; without it: no
#   $0.log          every request is appended to it
say() { printf '%s\n' "$1"; }
say 'OK Pleased to meet you'
while IFS= read -r request; do
	printf '%s\n' "$request" >>"$0.log"
	case $request in
	GETPIN)
		if IFS= read -r passphrase <"$0.passphrase"; then
			printf 'D %s\n' "$(printf '%s\n' "$passphrase" | sed 's/%/%25/g')"
			say OK
		else
			say 'ERR 83886179 Operation cancelled <Pinentry>'
		fi 2>/dev/null
		;;
	CONFIRM*)
		if [ -e "$0.confirm" ]; then
			say OK
		else
			say 'ERR 83886194 Not confirmed <Pinentry>'
		fi
		;;
	BYE)
		say 'OK closing connection'
		exit
		;;
	*) say OK ;;
	esac
done
