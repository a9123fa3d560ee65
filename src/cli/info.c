/* convoy info: the machine and what Convoy uses of it. */
#include "../../kernels/cpu.h"
#include "../machine/binding.h"
#include "../machine/tier.h"
#include "cli.h"
#include "options.h"

#include <stdio.h>

static void print_tiers(cvy_tier used, const char *why) {
    unsigned tiers = cvy_cpu_tiers();
    for (int t = 0; t < CVY_TIERS; t++) {
        bool runs = tiers >> t & 1;
        printf("%-14s%-8s %s", t ? "" : "Instructions", cvy_tier_name((cvy_tier)t), runs ? "yes" : "no");
        if (t == (int)used)
            printf(", used: %s", why);
        puts("");
    }
}

static void print_caches(const cvy_topology *machine) {
    const struct {
        const char *name;
        size_t bytes;
    } caches[] = {{"L1d", machine->l1d}, {"L2", machine->l2}, {"L3", machine->l3}};
    const char *between = "";
    printf("%-14s", "Caches");
    for (int i = 0; i < 3; i++) {
        size_t bytes = caches[i].bytes;
        bool mebibytes = bytes % (1 << 20) == 0;
        if (!bytes)
            continue;
        printf("%s%s %zu %s", between, caches[i].name, mebibytes ? bytes >> 20 : bytes >> 10,
               mebibytes ? "MiB" : "KiB");
        between = ", ";
    }
    puts(*between ? "" : "unknown");
}

static void print_machine(const cvy_topology *machine) {
    printf("%-14s%s\n", "Processor", *machine->processor ? machine->processor : "unknown");
    printf("%-14s%d on %d package%s, %d hardware threads; this process may use %d\n", "Cores", machine->cores,
           machine->packages, machine->packages == 1 ? "" : "s", machine->hardware_threads, machine->allowed);
    print_caches(machine);
}

static void run(int argc, char **argv, cvy_status *status) {
    const char *isa = NULL;
    cli_option options[] = {cli_option_for(cli_option_isa, &isa)};
    cli_syntax syntax = {
        .usage = "info [OPTION]...",
        .about = "Prints the processor, cores, caches, the instruction sets and the number of threads that\n"
                 "Convoy uses, and why.",
        .examples = "convoy info",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    cvy_topology machine;
    cvy_tier tier;
    const char *why;
    if (!cli_parse(&syntax, argc, argv, status) || !cvy_topology_read(&machine, status) ||
        !cvy_tier_choose(isa, &tier, &why, status))
        return;
    print_machine(&machine);
    print_tiers(tier, why);
    char place[96];
    printf("%-14s%d: %s, %s\n", "Threads", machine.threads, machine.why,
           cvy_topology_place_text(&machine, machine.threads, place));
}

const cli_command cli_info = {"info", "this machine: processor, instruction sets, cores, caches, threads", run};
