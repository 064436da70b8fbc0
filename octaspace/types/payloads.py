"""Types of the API's JSON, for editors, type checkers and pydantic: the `Response.data` of each method.

Every field is declared as required, so that an editor completes
``client.nodes.list().data[0]["location"]["city"]``. The API may omit any field and add others: use ``.get()``
where a field may be missing, or the dataclasses of `octaspace.types`, which handle this. Numbers such as Q4
are the quirks that these handle.
"""

from __future__ import annotations

from typing import Any

from .._typing import TypedDict

__all__ = [
    "Account",
    "App",
    "AppExtra",
    "Balance",
    "Created",
    "Disk",
    "EnvValue",
    "Gpu",
    "GpuMarket",
    "HttpProxyConfig",
    "IdleJob",
    "IdleJobLogLine",
    "IdleJobLogs",
    "IdleJobLogsLines",
    "IdleJobLogsPacked",
    "Location",
    "MachineCreated",
    "MachineOffer",
    "MachineRejected",
    "Network",
    "NetworkBlockchain",
    "NetworkMarketplace",
    "NetworkNodes",
    "NetworkPlatform",
    "NetworkPower",
    "NetworkRender",
    "Node",
    "NodeDetail",
    "NodeDetailData",
    "NodeDetailMemory",
    "NodeMemory",
    "NodePrices",
    "NodeSystem",
    "Numeral",
    "Reliability",
    "ReliabilityRating",
    "Session",
    "SessionHardware",
    "SessionLogs",
    "SessionPrices",
    "SshAccess",
    "SystemLogEntry",
    "VpnRelay",
    "Wallet",
    "Wei",
]

#: An amount in Wei (10**18 Wei = 1 OCTA), a number or its digits; may exceed 2**64 (Q8).
Wei = int | float | str

#: A number, or the same number as text (Q9).
Numeral = int | float | str

#: The value of an environment variable (Q27).
EnvValue = str | int | float | bool | None


class NetworkBlockchain(TypedDict):
    height: int
    difficulty: float
    hashrate: float
    total_supply: float
    circulating_supply: float
    era: str | int
    blocktime: float  # seconds


class NetworkNodes(TypedDict):
    count: int
    vpn: int
    online: int
    total: int
    locations: int  # Locations with nodes (Q21)
    vpn_locations: int  # Locations with VPN relays (Q21)


class NetworkPower(TypedDict):
    cpus: int
    gpus: int
    disk: int  # bytes
    mem: int  # bytes
    total_tflops: float
    utilized_tflops: float
    tflops: float  # `total_tflops` in the shape of the website (Q21)


class GpuMarket(TypedDict):
    avg_price: float  # USD per hour
    count: int


class NetworkMarketplace(TypedDict):
    gpus: dict[str, GpuMarket]
    total_sessions: int  # (Q21)
    sessions_24h: int  # (Q21)
    nodes_rented: int  # (Q21)
    nodes_idle: int  # (Q21)


class NetworkPlatform(TypedDict):
    total_jobs: int
    users: int  # (Q21)
    users_24h: int  # (Q21)


class NetworkRender(TypedDict):
    frames_24h: int  # (Q21)
    frames_total: int  # (Q21)
    frames_by_week: list[dict[str, int]]  # [{"2026-8-10": frames}] (Q21)


class Network(TypedDict):
    blockchain: NetworkBlockchain
    market_price: float  # USD per OCTA
    mmROI: float  # noqa: N815  # % a month
    staked: float  # OCTA
    nodes: NetworkNodes
    power: NetworkPower
    marketplace: NetworkMarketplace
    platform: NetworkPlatform
    render: NetworkRender  # (Q21)


class Account(TypedDict):
    account_uuid: str
    uid: int  # Numeric account id
    email: str
    avatar: str  # URL of a picture
    wallet: str  # 0x-address
    ref_code: str  # Referral code
    balance: Wei


class Balance(TypedDict):
    balance: Wei
    currency: str  # OCTA; often absent


class Wallet(TypedDict):
    address: str  # 0x-address of the new wallet


class Location(TypedDict):
    city: str
    country: str
    latitude: float  # degrees north
    longitude: float  # degrees east
    isocode: str  # ISO 3166-1 alpha-2
    continent: str
    continentcode: str
    hostname: str
    ip: str
    organisation: str
    provider: str
    proxy: str
    risk: float
    type: str
    devices: dict[str, Any]


class NodePrices(TypedDict):
    base: Wei  # per hour
    storage: Wei  # per GB
    traffic: Wei  # per GB


class Disk(TypedDict):
    free: int  # bytes
    size: int  # bytes
    used_percent: float  # %


class Gpu(TypedDict):
    model: str
    mem_total_mb: int  # Video memory, MB
    mem_free_mb: int  # MB
    idx: int
    bus_id: str
    pcie_link_gen: int
    pcie_link_width: int
    gpu_utilization: float  # %
    gpu_temperature: float  # °C
    fan_speed: float  # %
    power_limit_watt: float  # W
    power_limit_default_watt: float  # W
    pstate: str
    driver_version: str  # (Q22)
    mem_utilization: float  # % (Q22)
    display_active: str  # Enabled or Disabled (Q22)
    display_mode: str  # Enabled or Disabled (Q22)


class NodeMemory(TypedDict):
    free: int  # bytes
    size: int  # bytes


class NodeSystem(TypedDict):
    arch: str
    cpu_cores: int
    cpu_load_percent: float  # %
    cpu_model_name: str
    os_version: str
    disk: Disk
    gpus: list[Gpu]
    memory: NodeMemory


class Node(TypedDict):
    """Entry of GET /nodes."""

    id: int
    ip: str
    state: str  # online, idle, active, busy, offline, blocked … an open set (Q25)
    osn: str  # Version of the node's agent
    uptime: int  # seconds
    vrf_dt: str  # Time of the last verification
    location: Location
    prices: NodePrices
    system: NodeSystem


class ReliabilityRating(TypedDict):
    count: int
    score: float  # 0 to 5


class Reliability(TypedDict):
    uptime: float  # %
    stability: float  # %
    s_avg_d: float  # Average session, seconds
    s_max_d: float  # Longest session, seconds
    s_normal: int  # Sessions that ended normally
    s_failed: int  # Sessions that failed
    rating: ReliabilityRating


class NodeDetailMemory(TypedDict):
    total_memory: int  # bytes
    free_memory: int  # bytes
    available_memory: int  # bytes
    cached_memory: int  # bytes
    buffered_memory: int  # bytes
    total_swap: int  # bytes
    free_swap: int  # bytes


class NodeDetailData(TypedDict):
    arch: str
    cpu_cores: int
    cpu_load_percent: float
    cpu_model_name: str
    cpu_vendor_id: str
    cuda_version: str
    os_version: str
    kernel_version: str
    linux_distro: str
    linux_release: str
    is_hive_os: bool
    is_wsl: bool
    virt: str
    gpu_pt: bool  # GPU pass-through
    gpu_vendor: str
    gpu_driver_version: str
    gpus: list[Gpu]
    gpu: dict[str, list[Gpu]]  # By vendor or by model (Q22)
    disk: Disk
    memory: NodeDetailMemory
    version: str  # Version of the node's agent
    uptime: int  # seconds


class NodeDetail(TypedDict):
    """GET /nodes/{id}: a different envelope than in the list (Q7).

    The list's `system` is under `data`, the fields of memory have other names, and there are no prices.
    """

    id: int
    state: str
    ip: str
    vrf_dt: str
    location: Location
    reliability: Reliability
    features: list[str]
    data: NodeDetailData


class AppExtra(TypedDict):
    min_disk_size: int  # GB
    guide: str  # Address of a guide (Q27)


class App(TypedDict):
    id: int
    uuid: str
    name: str
    version: str
    category: str
    description: str
    image: str
    docker_image: str
    min_vram_gb: float
    personal: bool
    start_command: str
    envs: dict[str, EnvValue]
    ports: list[int] | str  # or the list as JSON text (Q3)
    http_ports: list[int] | str  # or the list as JSON text (Q3)
    extra: AppExtra


class MachineOffer(TypedDict):
    """A machine or render node on offer."""

    node_id: int
    country: str
    country_iso: str
    city: str
    cpu_model_name: str
    cpu_cores: int
    cpu_speed: float  # MHz
    cpu_vendor_id: str
    total_memory: int  # bytes
    memory_type: str
    memory_speed: float  # MHz
    free_disk: int  # bytes
    disk_speed_mbs: float  # MB/s (Q22)
    arch: str
    os_version: str
    is_hive_os: bool
    is_wsl: bool
    virt: str
    cuda_version: str
    gpus: list[Gpu]
    gpu: str | dict[str, list[Gpu]]  # By vendor or by model (Q22)
    is_has_gpu: bool
    ai_score: float
    blender_score: float
    blender_cpu_score: float  # (Q22)
    blender_cuda_score: float
    blender_optix_score: float  # (Q22)
    net_down_mbits: float  # above 100000 it is bytes per second (Q4)
    net_up_mbits: float  # above 100000 it is bytes per second (Q4)
    net_down_mbs: float  # the same under another name (Q23)
    net_up_mbs: float  # the same under another name (Q23)
    currency_usd: bool  # Whether the price is set in US dollars (Q22)
    market_price: float  # USD per OCTA (Q22)
    total_price_usd: float  # USD per hour
    total_price_wei: Wei  # per hour
    total_price_ether: float  # OCTA per hour
    base: Wei  # per hour
    base_ether: float
    base_usd: float  # 1/10000 USD per hour (Q5)
    storage: Wei  # per GB
    storage_ether: float
    storage_usd: float  # 1/10000 USD
    traffic: Wei  # per GB
    traffic_ether: float
    traffic_usd: float  # 1/10000 USD
    reliability: Reliability | Numeral  # or only the uptime in percent (Q22)
    features: list[str]
    available_ports: int


class VpnRelay(TypedDict):
    node_id: int
    country: str
    country_iso: str
    city: str
    latitude: float
    longitude: float
    residential: bool
    net_down_mbits: float  # above 100000 it is bytes per second (Q4)
    net_up_mbits: float  # above 100000 it is bytes per second (Q4)
    net_down_mbs: float  # the same under another name (Q23)
    net_up_mbs: float  # the same under another name (Q23)
    traffic_price_usd: float  # USD per GB
    traffic_price_ether: float  # OCTA per GB
    traffic_price: float  # older clients read it as cents of USD per GB
    total_price_usd: float  # its meaning is not documented
    reliability: float  # percent of uptime


class SshAccess(TypedDict):
    host: str
    port: int


class HttpProxyConfig(TypedDict):
    ip: str
    port: int


class SessionHardware(TypedDict):
    cpu: str
    cpu_cores: int
    gpu: list[Gpu] | dict[str, list[Gpu]]  # or by vendor (Q22)
    total_memory: int  # bytes
    disk: int  # bytes


class SessionPrices(TypedDict):
    base_usd: float  # In 1/10000 USD per hour
    currency_usd: bool
    market_price: float  # USD per OCTA


class Session(TypedDict):
    """Entry of GET /sessions and answer of GET /services/{uuid}/info."""

    uuid: str
    service: str  # mr, render or vpn
    kind: str  # vpn: wg, openvpn, ss, v2ray, http_proxy; mr: base
    app_name: str
    app_logo: str
    node_id: int
    progress: str  # State as text, e.g. 'service configured'
    is_ready: bool
    status: str
    duration: Numeral  # seconds (Q9)
    started_at: int | str  # ms or seconds since 1970, or ISO 8601 (Q9)
    finished_at: int | str | None
    public_ip: str
    ip: str
    country: str
    country_iso: str
    city: str
    ports_matrix: dict[str, int] | str  # Host port to container port, or text (Q31)
    urls: dict[str, str] | list[str]  # By port, or only addresses (Q31)
    ssh_direct: SshAccess
    ssh_proxy: SshAccess
    ssh_web: str  # URL of a browser terminal
    config: str | HttpProxyConfig  # (Q6)
    vpn_config: str | HttpProxyConfig  # Older name of `config` (Q31)
    tx: Numeral  # bytes sent (Q9)
    rx: Numeral  # bytes received (Q9)
    charge_amount: Wei
    termination_reason: int | str  # 0 normal, 1 idle limit, else an error (Q24); recent sessions only
    container_id: str | list[str]  # absent for VPN (Q10)
    node_hw: SessionHardware
    prices: SessionPrices
    user_envs: dict[str, EnvValue]
    organization_id: int
    project_id: int


class SystemLogEntry(TypedDict):
    ts: int  # ms since 1970
    msg: str  # May contain several lines


class SessionLogs(TypedDict):
    system: list[SystemLogEntry]
    container: str  # The complete output of the container


class Created(TypedDict):
    uuid: str  # Session uuid


class MachineRejected(TypedDict):
    status: int  # Non-zero: rejected
    reason: str
    node_id: int


#: The answer to `mr.create`, one item for the machine (Q18); a `MachineRejected` in it is an error (Q2).
MachineCreated = list[Created]


class IdleJob(TypedDict):
    id: int
    node_id: int
    job_id: int
    is_up: bool
    uptime: int  # seconds
    status: str
    error: str
    created_at: str
    finished_at: str | None


class IdleJobLogsPacked(TypedDict):
    data: str  # base64 of gzip of UTF-8 text


class IdleJobLogLine(TypedDict):
    line: int
    text: str


class IdleJobLogsLines(TypedDict):
    data: list[IdleJobLogLine]


IdleJobLogs = IdleJobLogsPacked | IdleJobLogsLines | list[str]
