"""The tables of facts: every row holds together, and is found as users and clouds name it."""

import re
from datetime import date

import pytest
from msgspec.structs import replace

from scanner.facts.accelerators import accelerator, accelerators, mig_profile
from scanner.facts.instances import accelerated_family, families, instance_type, instance_types, price, prices
from scanner.facts.tables import rows

TABLES = ("accelerators", "instances", "prices")


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_source_and_an_iso_date(table: str) -> None:
    wrong = [row for row in rows(table) if not row["source"] or date.fromisoformat(row["date"]) < date(2024, 1, 1)]
    assert wrong == []


@pytest.mark.parametrize("table", TABLES)
def test_no_field_has_stray_space_or_lacks_a_column(table: str) -> None:
    wrong = [
        row for row in rows(table) if any(not isinstance(item, str) or item != item.strip() for item in row.values())
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("table", "key"),
    [("accelerators", ["name"]), ("instances", ["cloud", "name"]), ("prices", ["cloud", "name", "region"])],
)
def test_keys_are_unique(table: str, key: list[str]) -> None:
    keys = [tuple(row[column].lower() for column in key) for row in rows(table)]
    assert len(set(keys)) == len(keys)


def test_accelerators_are_plausible() -> None:
    for model in accelerators().values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", model.name), model
        assert model.name.startswith(model.family) or model.vendor in ("aws", "google", "intel", "amd"), model
        assert model.name.startswith(f"{model.vendor}-"), model
        assert 4 <= model.memory_gib <= 300, model
        assert 0.9 * model.memory_gib <= model.usable_gib <= model.memory_gib, model


def test_no_alias_names_two_accelerators() -> None:
    aliases = [alias for model in accelerators().values() for alias in (model.name, *model.aliases)]
    assert len(set(aliases)) == len(aliases)


def test_mig_profiles_fit_the_memory_and_the_slices() -> None:
    for model in accelerators().values():
        for profile in model.mig or ():
            rounded_down = profile.memory_gib - 1
            assert profile.memory_gib <= model.memory_gib, (model.name, profile)
            assert profile.instances * rounded_down <= model.memory_gib, (model.name, profile)
            assert int(profile.name[0]) * profile.instances <= 7, (model.name, profile)


def test_instances_name_known_accelerators_and_add_up() -> None:
    for item in instance_types().values():
        model = accelerators()[item.accelerator]
        assert item.accelerator_memory_gib == pytest.approx(item.accelerator_count * model.memory_gib, rel=1e-4), item
        assert 0 < item.accelerator_count <= 16, item
        assert item.service != "compute" or (item.vcpus and item.memory_gib), item
        assert item.vcpus is None or 2 <= item.vcpus <= 512, item
        assert item.memory_gib is None or 8 <= item.memory_gib <= 4096, item
        assert item.local_disk_gb is None or item.local_disk_gb >= 0, item


def test_prices_belong_to_known_machine_types_and_are_plausible() -> None:
    for items in prices().values():
        for item in items:
            machine = instance_type(item.cloud, item.name)
            assert machine is not None, item
            each = item.on_demand_usd / max(machine.accelerator_count, 1)
            assert 0.1 <= each <= 30, item
            assert item.spot_usd is None or 0.05 * item.on_demand_usd <= item.spot_usd <= item.on_demand_usd, item


def test_every_spot_price_has_a_source_and_a_date_of_its_own() -> None:
    for items in prices().values():
        for item in items:
            recorded = [item.spot_usd is not None, bool(item.spot_source), bool(item.spot_date)]
            assert len(set(recorded)) == 1, item
            assert not item.spot_date or date.fromisoformat(item.spot_date) >= date(2024, 1, 1), item


@pytest.mark.parametrize(
    ("cloud", "name", "region"),
    [
        ("aws", "g5.xlarge", "us-east-1"),
        ("aws", "p5.48xlarge", "us-east-1"),
        ("azure", "Standard_NC24ads_A100_v4", "eastus"),
        ("azure", "Standard_ND96asr_v4", "eastus"),
        ("gcp", "a3-highgpu-8g", "us-central1"),
        ("gcp", "ct6e-standard-4t", "us-east5"),
    ],
)
def test_spot_prices_of_common_machines_are_recorded(cloud: str, name: str, region: str) -> None:
    found = price(cloud, name, region)
    assert found is not None and found.spot_usd is not None
    assert found.spot_usd < found.on_demand_usd


def test_a_spot_price_is_old_a_year_before_the_price_on_demand() -> None:
    found = price("gcp", "a3-highgpu-8g")
    assert found is not None and not found.spot_is_old
    assert replace(found, date="2026-11-24", spot_date="2025-11-23").spot_is_old
    assert not replace(found, date="2026-11-24", spot_date="2025-11-24").spot_is_old
    assert not replace(found, spot_date="").spot_is_old


@pytest.mark.parametrize(
    ("name", "disk"), [("Standard_NC4as_T4_v3", 189), ("Standard_NV36ads_A10_v5", 1546), ("Standard_NV4as_v4", 94)]
)
def test_local_disks_of_azure_machines_are_recorded_in_gb(name: str, disk: float) -> None:
    item = instance_type("azure", name)
    assert item is not None and item.local_disk_gb == disk


def test_sagemaker_costs_more_than_the_machine_beneath() -> None:
    managed = [items[0] for (cloud, name), items in prices().items() if cloud == "aws" and name.startswith("ml.")]
    assert managed
    for item in managed:
        bare = price("aws", item.name.removeprefix("ml."))
        assert bare is not None and bare.on_demand_usd < item.on_demand_usd < 1.6 * bare.on_demand_usd, item


def test_families_name_the_families_of_known_accelerators() -> None:
    known = {model.family for model in accelerators().values()} | {"nvidia"}
    assert {family.accelerator for rows in families().values() for family in rows} <= known


def test_pattern_and_record_of_a_machine_type_agree() -> None:
    for (cloud, _), item in instance_types().items():
        if item.service == "compute":
            pattern = next(family for family in families()[cloud] if re.match(family.pattern, item.name))
            exact = accelerated_family(cloud, item.name)
            assert exact is not None and exact.vendor == pattern.vendor, item
            assert pattern.accelerator in (exact.accelerator, "nvidia"), item


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA-A100-SXM4-80GB", "nvidia-a100-80gb"),
        ("NVIDIA A100-SXM4-40GB", "nvidia-a100-40gb"),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "nvidia-a100-80gb"),
        ("Tesla-T4-SHARED", "nvidia-t4"),
        ("nvidia-tesla-t4", "nvidia-t4"),
        ("nvidia-tesla-a100", "nvidia-a100-40gb"),
        ("nvidia-h100-mega-80gb", "nvidia-h100-80gb"),
        ("NVIDIA-H100-80GB-HBM3", "nvidia-h100-80gb"),
        ("tpu-v5-lite-podslice", "google-tpu-v5e"),
        ("AMD_Instinct_MI300X_OAM", "amd-mi300x"),
        ("trainium2", "aws-trainium2"),
    ],
)
def test_accelerators_are_found_as_clouds_and_node_labels_name_them(name: str, expected: str) -> None:
    model = accelerator(name)
    assert model is not None and model.name == expected


@pytest.mark.parametrize("name", ["a100", "v100", "nvidia", "tesla", ""])
def test_a_name_that_leaves_the_memory_open_is_not_resolved(name: str) -> None:
    assert accelerator(name) is None


def test_mig_profiles_are_found_by_name_and_by_resource() -> None:
    h100, t4 = accelerator("h100"), accelerator("t4")
    assert h100 is not None and t4 is not None
    profile = mig_profile(h100, "nvidia.com/mig-1g.10gb")
    assert profile is not None and (profile.instances, profile.memory_gib) == (7, 10)
    assert mig_profile(h100, "nvidia.com/mig-1g.10gb.me") == mig_profile(h100, "1g.10gb+me")
    assert mig_profile(h100, "1g.5gb") is None
    assert t4.mig == ()


@pytest.mark.parametrize(
    ("cloud", "name", "accelerator_name", "count", "memory"),
    [
        ("aws", "g5.12xlarge", "nvidia-a10g", 4, 96),
        ("aws", "ml.p4de.24xlarge", "nvidia-a100-80gb", 8, 640),
        ("aws", "g6f.large", "nvidia-l4", 0.125, 3),
        ("gcp", "a3-ultragpu-8g", "nvidia-h200", 8, 1128),
        ("gcp", "nvidia-tesla-t4", "nvidia-t4", 1, 16),
        ("azure", "standard_nc24ads_a100_V4", "nvidia-a100-80gb", 1, 80),
        ("azure", "Consumption-GPU-NC8as-T4", "nvidia-t4", 1, 16),
    ],
)
def test_machine_types_are_found(cloud: str, name: str, accelerator_name: str, count: float, memory: float) -> None:
    item = instance_type(cloud, name)
    assert item is not None
    assert (item.accelerator, item.accelerator_count, item.accelerator_memory_gib) == (accelerator_name, count, memory)


@pytest.mark.parametrize(
    ("cloud", "name"), [("aws", "m7i.xlarge"), ("gcp", "n1-standard-4"), ("azure", "Standard_D4s_v5")]
)
def test_machines_without_accelerator_are_not_recorded(cloud: str, name: str) -> None:
    assert instance_type(cloud, name) is None
    assert accelerated_family(cloud, name) is None
    assert price(cloud, name) is None


def test_an_unrecorded_member_of_a_known_family_is_still_accelerated() -> None:
    assert instance_type("aws", "p5.96xlarge") is None
    family = accelerated_family("aws", "p5.96xlarge")
    assert family is not None and (family.accelerator, family.vendor) == ("nvidia-h100", "nvidia")


def test_azure_radeon_machines_are_not_nvidia() -> None:
    family = accelerated_family("azure", "Standard_NV16as_v4")
    assert family is not None and family.vendor == "amd"


def test_prices_by_region_and_by_reference_region() -> None:
    reference = price("aws", "g5.xlarge")
    assert reference is not None and (reference.region, reference.on_demand_usd) == ("us-east-1", 1.006)
    managed = price("aws", "ml.g5.xlarge")
    assert managed is not None and managed.on_demand_usd == 1.41
    elsewhere = price("azure", "Standard_ND96isr_H200_v5")
    assert elsewhere is not None and elsewhere.region != "eastus"
    assert price("azure", "Standard_ND96isr_H200_v5", "eastus") is None
    assert price("gcp", "a4-highgpu-8g") is None
